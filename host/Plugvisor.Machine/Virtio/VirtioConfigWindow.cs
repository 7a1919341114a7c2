using System.Buffers.Binary;
using Plugvisor.Machine.Pci;

namespace Plugvisor.Machine.Virtio;

/// <summary>
/// The PCI configuration access capability (virtio 1.2 section 4.1.4.9): a way to BAR 0 through configuration space, for firmware that
/// cannot reach the BAR. The driver sets bar, offset and length, then reads or writes the data register behind them.
/// </summary>
internal sealed class VirtioConfigWindow
{
    /// <summary>Bytes of the capability before the data register.</summary>
    public const int FieldsLength = 16;

    private const int BarField = 4;
    private const int OffsetField = 8;
    private const int LengthField = 12;
    private const int DataField = FieldsLength;
    private const int DataLength = 4;

    private readonly int _capability;

    public VirtioConfigWindow(PciConfigSpace config)
    {
        Span<byte> body = stackalloc byte[DataField + DataLength - 2];
        body.Clear();
        body[0] = DataField + DataLength;
        body[1] = VirtioPciLayout.CapabilityPciAccess;
        _capability = config.AddCapability(PciRegisters.CapabilityVendor, body);
        config.AllowWrite16(_capability + BarField, 0xff);
        config.AllowWrite32(_capability + OffsetField, uint.MaxValue);
        config.AllowWrite32(_capability + LengthField, uint.MaxValue);
    }

    /// <summary>Whether an access touches the data register.</summary>
    public bool IsData(int offset, int length) =>
        offset < _capability + DataField + DataLength && offset + length > _capability + DataField;

    /// <summary>What the window points at.</summary>
    /// <param name="fields">The <see cref="FieldsLength"/> bytes at <see cref="Offset"/>.</param>
    /// <param name="barOffset">Offset in BAR 0.</param>
    /// <param name="length">1, 2 or 4.</param>
    /// <returns>False when the driver set anything that is not inside BAR 0, or not aligned; the access is dropped then.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> fields, out uint barOffset, out int length)
    {
        barOffset = BinaryPrimitives.ReadUInt32LittleEndian(fields[OffsetField..]);
        uint width = BinaryPrimitives.ReadUInt32LittleEndian(fields[LengthField..]);
        length = (int)width;
        return fields[BarField] == VirtioPciLayout.Bar && width is 1 or 2 or 4 && barOffset % width == 0
            && barOffset <= VirtioPciLayout.BarSize - width;
    }

    /// <summary>Where the capability lies.</summary>
    public int Offset => _capability;

    /// <summary>Where the data register lies.</summary>
    public int DataOffset => _capability + DataField;
}
