using System.Buffers.Binary;
using System.Text;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>A shared directory of a filesystem whose names are longer than any that a guest may ask for, and whose inode numbers say nothing.</summary>
public sealed class StrangeHostTests
{
    /// <summary>Whether there are such names; where they cannot be made (no FUSE, no namespaces for users), the rest of the list is looked at only.</summary>
    public static TheoryData<bool, bool> Lists => HangingDirectory.IsPossible ? new() { { false, false }, { false, true }, { true, false }, { true, true } } : new() { { false, false }, { false, true } };

    [Theory]
    [MemberData(nameof(Lists))]
    public void Hostile_35_fs_a_name_that_is_too_long_is_left_out_of_the_list(bool isLong, bool plus)
    {
        using HangingDirectory? strange = isLong ? new() : null;
        using var guest = new FuseDriver(share: strange?.FullPath);
        if (strange is null)
        {
            foreach (string name in (string[])["first", HangingDirectory.FileName, new string('z', 255)]) File.WriteAllText(guest.PathOf(name), "");
        }

        FuseAnswer open = guest.Call(FuseOpcode.OpenDir, FuseDriver.Root, FuseDriver.Bytes(default(OpenIn)));
        var read = new TransferIn { Handle = open.As<OpenOut>().Handle, Size = 8192 };
        byte[] list = guest.Call(plus ? FuseOpcode.ReadDirPlus : FuseOpcode.ReadDir, FuseDriver.Root, FuseDriver.Bytes(read)).Body;
        string[] expected = isLong ? [".", "..", "file", "first"] : [".", "..", "file", "first", new string('z', 255)];
        Assert.Equal(expected, Names(list, plus ? 128 : 0).Order(StringComparer.Ordinal));
        Assert.Empty(guest.Host.Failures);
        Assert.False(guest.Harness.Transport.IsLatched);
    }

    /// <summary>Whether both have one number; where that cannot be made, that they are two files is looked at only.</summary>
    [Theory]
    [MemberData(nameof(StalledHostTests.Hosts), MemberType = typeof(StalledHostTests))]
    public void Hostile_35_fs_a_fifo_with_the_number_of_a_file_is_not_that_file(bool isSame)
    {
        using HangingDirectory? strange = isSame ? new() : null;
        using var guest = new FuseDriver(share: strange?.FullPath);
        if (strange is null)
        {
            File.WriteAllText(guest.PathOf(HangingDirectory.FileName), "");
            guest.Call(FuseOpcode.MkNod, FuseDriver.Root, [.. FuseDriver.Bytes(new MkNodIn { Mode = FuseSpec.S_IFIFO | 0x1a4 }), .. FuseDriver.Text(HangingDirectory.FifoName)]).As<EntryOut>();
        }

        EntryOut file = guest.Lookup(FuseDriver.Root, HangingDirectory.FileName).As<EntryOut>(), fifo = guest.Lookup(FuseDriver.Root, HangingDirectory.FifoName).As<EntryOut>();
        Assert.Equal(isSame, file.Attributes.Inode == fifo.Attributes.Inode);
        Assert.NotEqual(file.NodeId, fifo.NodeId);
        // It would wait for a writer.
        Assert.Equal(FuseSpec.ENXIO, guest.Open(fifo.NodeId, FuseSpec.O_RDONLY).Error);
        Assert.Equal(0, guest.Open(file.NodeId, FuseSpec.O_RDONLY).Error);
    }

    private static IEnumerable<string> Names(byte[] list, int before)
    {
        for (int at = 0; at < list.Length;)
        {
            int entry = at + before, length = BinaryPrimitives.ReadInt32LittleEndian(list.AsSpan(entry + 16));
            yield return Encoding.UTF8.GetString(list, entry + 24, length);
            at += (before + 24 + length + 7) & ~7;
        }
    }
}
