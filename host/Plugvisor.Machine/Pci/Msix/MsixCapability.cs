using System.Buffers.Binary;

namespace Plugvisor.Machine.Pci.Msix;

/// <summary>The MSI-X capability in configuration space (PCI Local Bus 3.0 section 6.8.2), in front of an <see cref="MsixTable"/>.</summary>
public sealed class MsixCapability
{
    private const int ControlOffset = 2;
    private const ushort Enable = 1 << 15;
    private const ushort FunctionMask = 1 << 14;

    private readonly PciConfigSpace _config;
    private readonly MsixTable _table;
    private readonly int _offset;

    /// <summary>Adds the capability.</summary>
    /// <param name="config">Where.</param>
    /// <param name="table">The table that it enables.</param>
    /// <param name="bar">BAR of the table and of the pending bits.</param>
    /// <param name="tableOffset">Offset of the table in the BAR, a multiple of 8.</param>
    /// <param name="pendingOffset">Offset of the pending bits in the BAR, a multiple of 8.</param>
    public MsixCapability(PciConfigSpace config, MsixTable table, int bar, uint tableOffset, uint pendingOffset)
    {
        Span<byte> body = stackalloc byte[10];
        BinaryPrimitives.WriteUInt16LittleEndian(body, (ushort)(table.Count - 1));
        BinaryPrimitives.WriteUInt32LittleEndian(body[2..], tableOffset | (uint)bar);
        BinaryPrimitives.WriteUInt32LittleEndian(body[6..], pendingOffset | (uint)bar);
        _config = config;
        _table = table;
        _offset = config.AddCapability(PciRegisters.CapabilityMsix, body);
        config.AllowWrite16(_offset + ControlOffset, Enable | FunctionMask);
    }

    /// <summary>As after power-on, the table too. Under the function's lock.</summary>
    public void Reset()
    {
        _config.Set16(_offset + ControlOffset, (ushort)(_table.Count - 1));
        _table.Reset();
    }

    /// <summary>To be called when the guest has written configuration space, under the function's lock.</summary>
    public void ConfigChanged(int offset, int length)
    {
        if (offset >= _offset + ControlOffset + 2 || offset + length <= _offset + ControlOffset) return;
        ushort control = _config.Get16(_offset + ControlOffset);
        _table.SetControl((control & Enable) != 0, (control & FunctionMask) != 0);
    }
}
