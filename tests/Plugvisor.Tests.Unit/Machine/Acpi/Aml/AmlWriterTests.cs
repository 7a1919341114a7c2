using Plugvisor.Machine.Acpi.Aml;
using Xunit;

namespace Plugvisor.Tests.Unit.Machine.Acpi.Aml;

public sealed class AmlWriterTests
{
    [Theory]
    [InlineData(0UL, "00")]
    [InlineData(1UL, "01")]
    [InlineData(2UL, "0A02")]
    [InlineData(0xFFUL, "0AFF")]
    [InlineData(0x100UL, "0B0001")]
    [InlineData(0xFFFFUL, "0BFFFF")]
    [InlineData(0x1_0000UL, "0C00000100")]
    [InlineData(0xFFFF_FFFFUL, "0CFFFFFFFF")]
    [InlineData(0x1_0000_0000UL, "0E0000000001000000")]
    [InlineData(ulong.MaxValue, "0EFFFFFFFFFFFFFFFF")]
    public void Integers_take_their_shortest_form(ulong value, string bytes) => Same(bytes, w => w.Integer(value));

    [Theory]
    [InlineData("_HID", "5F484944")]
    [InlineData("A", "415F5F5F")]
    [InlineData("\\_S5_", "5C5F53355F")]
    [InlineData("\\", "5C")]
    [InlineData("^^A.B", "5E5E2E415F5F5F425F5F5F")]
    [InlineData("_SB.PC00.S001", "2F035F53425F5043303053303031")]
    public void Names_are_padded_and_prefixed(string name, string bytes)
    {
        if (name == "\\")
        {
            Assert.Throws<ArgumentException>(() => new AmlWriter().Name("\\"u8));
            return;
        }

        Same(bytes, w => w.Name(System.Text.Encoding.ASCII.GetBytes(name)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("TOOLONG")]
    [InlineData("A..B")]
    [InlineData("low")]
    [InlineData("1ABC")]
    public void Wrong_names_throw(string name) =>
        Assert.Throws<ArgumentException>(() => new AmlWriter().Name(System.Text.Encoding.ASCII.GetBytes(name)));

    [Theory]
    [InlineData("PNP0A08", "0C41D00A08")]
    [InlineData("PNP0C0C", "0C41D00C0C")]
    [InlineData("PNP0501", "0C41D00501")]
    public void Eisa_ids_are_compressed(string id, string bytes) => Same(bytes, w => w.EisaId(System.Text.Encoding.ASCII.GetBytes(id)));

    [Fact]
    public void Strings_and_buffers()
    {
        Same("0D434F4D3100", w => w.String("COM1"u8));
        Same("11050A02AABB", w => w.Buffer([0xAA, 0xBB]));
        Same("110200", w => w.Buffer([]));
    }

    // The length counts itself, so a body of 62 bytes makes 63 and one of 63 makes 65 (ACPI 6.3, section 20.2.4).
    [Theory]
    [InlineData(0, "01")]
    [InlineData(62, "3F")]
    [InlineData(63, "4104")]
    [InlineData(4093, "4FFF")]
    [InlineData(4094, "810001")]
    [InlineData(1048572, "8FFFFF")]
    [InlineData(1048573, "C1000001")]
    public void Block_lengths_change_width_at_their_limits(int body, string length)
    {
        var writer = new AmlWriter();
        using (writer.If())
        {
            for (int i = 0; i < body; i++) writer.One();
        }

        string bytes = Convert.ToHexString(writer.Written);
        Assert.StartsWith("A0" + length + (body > 0 ? "01" : ""), bytes, StringComparison.Ordinal);
        Assert.Equal(1 + (length.Length / 2) + body, writer.Written.Length);
        Assert.True(writer.Written[(1 + (length.Length / 2))..].IndexOfAnyExcept((byte)1) < 0);
    }

    [Fact]
    public void Nested_blocks_move_together()
    {
        var writer = new AmlWriter(capacity: 4);
        using (writer.Device("DEV0"u8))
        {
            for (int i = 0; i < 20; i++)
            {
                using (writer.Method("MTHD"u8, 2, serialized: true)) writer.Return().Argument(1);
            }
        }

        string method = "14084D5448440AA469";
        Assert.Equal("5B82" + "4A0B" + "44455630" + string.Concat(Enumerable.Repeat(method, 20)), Convert.ToHexString(writer.Written));
    }

    [Theory]
    [InlineData(1, "01")]
    [InlineData(63, "3F")]
    [InlineData(64, "4004")]
    [InlineData(4095, "4FFF")]
    [InlineData(4096, "800001")]
    public void Field_widths_do_not_count_themselves(int bits, string length)
    {
        Same("4142435F" + length, w => w.FieldUnit("ABC"u8, bits));
        Same("00" + length, w => w.FieldGap(bits));
    }

    [Fact]
    public void Statements_and_expressions_have_their_opcodes()
    {
        Same("704F4E455F" + "60", w => w.Store().Name("ONE_"u8).Local(0));
        Same("7260" + "01" + "60", w => w.Add().Local(0).One().Local(0));
        Same("74" + "6068" + "67", w => w.Subtract().Local(0).Argument(0).Local(7));
        Same("79010A0260", w => w.ShiftLeft().One().Integer(2).Local(0));
        Same("7B600A0800", w => w.And().Local(0).Integer(8).NoTarget());
        Same("7D606161", w => w.Or().Local(0).Local(1).Local(1));
        Same("936001", w => w.Equal().Local(0).One());
        Same("956001", w => w.Less().Local(0).One());
        Same("864142434" + "469", w => w.Notify().Name("ABCD"u8).Argument(1));
        Same("A400", w => w.Return().Zero());
        Same("5B014C434B5F00", w => w.Mutex("LCK"u8));
        Same("5B234C434B5FFFFF", w => w.Acquire("LCK"u8));
        Same("5B274C434B5F", w => w.Release("LCK"u8));
        Same("5B8052454749000B00100A10", w => w.Region("REGI"u8, AmlRegionSpace.SystemMemory, 0x1000, 0x10));
        Same("8F4255465F0A0E464C445F", w => w.QWordField("BUF"u8, 14, "FLD"u8));
        Same("085F5549" + "4400", w => w.NewName("_UID"u8).Zero());
    }

    [Fact]
    public void Blocks_have_their_opcodes()
    {
        Block("1204020001", w => { using (w.Package(2)) w.Zero().One(); });
        Block("A1030101", w => { using (w.Else()) w.One().One(); });
        Block("A2030101", w => { using (w.While()) w.One().One(); });
        Block("14074D5448440901", w => { using (w.Method("MTHD"u8, 1, serialized: true)) w.One(); });
        Block("5B810B52454749434142435F08", w =>
        {
            using (w.Fields("REGI"u8, AmlFieldAccess.DWord, AmlFieldUpdate.WriteAsZeroes)) w.FieldUnit("ABC"u8, 8);
        });
    }

    [Fact]
    public void Numbered_names_go_on_with_the_next_letter()
    {
        Span<byte> buffer = stackalloc byte[NumberedName.Length];
        Assert.Equal("S031"u8, NumberedName.Decimal(buffer, 'S', 31));
        Assert.Equal("C01F"u8, NumberedName.Hex(buffer, 'C', 31));
        Assert.Equal("CFFF"u8, NumberedName.Hex(buffer, 'C', 4095));
        Assert.Equal("D000"u8, NumberedName.Hex(buffer, 'C', 4096));
    }

    private static void Same(string expected, Func<AmlWriter, AmlWriter> write) =>
        Assert.Equal(expected, Convert.ToHexString(write(new AmlWriter()).Written));

    private static void Block(string expected, Action<AmlWriter> write)
    {
        var writer = new AmlWriter();
        write(writer);
        Assert.Equal(expected, Convert.ToHexString(writer.Written));
    }
}
