using Plugvisor.Machine.Buses;
using Plugvisor.Machine.Interrupts;

namespace Plugvisor.Machine.Legacy;

/// <summary>
/// A 16550A UART (National Semiconductor PC16550D data sheet). The transmitter is always empty: a byte goes to the peer at once.
/// The receiver has the FIFO's 16 bytes; <see cref="Receive"/> says how many it took, the rest stays with the caller.
/// </summary>
public sealed class Serial16550(IInterruptLine interrupt, ISerialPeer peer) : IBusDevice
{
    /// <summary>First port of COM1.</summary>
    public const ushort Com1 = 0x3f8;

    /// <summary>Number of ports.</summary>
    public const int Length = 8;

    /// <summary>The I/O APIC pin of COM1.</summary>
    public const int Com1Irq = 4;

    private const int FifoSize = 16;

    private const byte IerReceive = 1, IerTransmit = 2, IerLineStatus = 4;
    private const byte IirNone = 1, IirTransmit = 2, IirReceive = 4, IirLineStatus = 6, IirFifo = 0xc0;
    private const byte LcrDivisorLatch = 0x80;
    private const byte McrDtr = 1, McrRts = 2, McrOut1 = 4, McrOut2 = 8, McrLoop = 0x10;
    private const byte LsrDataReady = 1, LsrOverrun = 2, LsrTransmitterEmpty = 0x60;
    private const byte MsrCts = 0x10, MsrDsr = 0x20, MsrRi = 0x40, MsrDcd = 0x80;

    private readonly Lock _lock = new();
    private readonly byte[] _fifo = new byte[FifoSize];
    private int _fifoStart, _fifoCount;
    private bool _transmitPending, _overrun;
    private byte _ier, _fcr, _lcr = 3, _mcr, _scratch;
    private ushort _divisor = 12;

    /// <summary>How many bytes the receiver has room for.</summary>
    public int Room
    {
        get
        {
            lock (_lock) return (_mcr & McrLoop) != 0 ? 0 : FifoSize - _fifoCount;
        }
    }

    /// <summary>Bytes arrive on the line. Any thread.</summary>
    /// <returns>How many were taken; the rest is to be offered again after <see cref="ISerialPeer.ReceiverReady"/>.</returns>
    public int Receive(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if ((_mcr & McrLoop) != 0) return 0;
            int taken = Math.Min(data.Length, FifoSize - _fifoCount);
            for (int i = 0; i < taken; i++) Push(data[i]);
            if (taken > 0) Raise();
            return taken;
        }
    }

    /// <summary>Puts the UART in its state after power-on; bytes not yet read are dropped.</summary>
    public void Reset()
    {
        lock (_lock)
        {
            _fifoStart = _fifoCount = 0;
            _transmitPending = _overrun = false;
            _ier = _fcr = _mcr = _scratch = 0;
            _lcr = 3;
            _divisor = 12;
        }
    }

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data)
    {
        if (data.Length != 1) return;
        bool ready;
        lock (_lock) data[0] = ReadRegister((int)offset, out ready);
        if (ready) peer.ReceiverReady();
    }

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length != 1) return;
        bool transmit;
        lock (_lock) transmit = WriteRegister((int)offset, data[0]);
        if (transmit) peer.Transmit(data[0]);
    }

    private byte ReadRegister(int register, out bool ready)
    {
        ready = false;
        switch (register)
        {
            case 0 when (_lcr & LcrDivisorLatch) != 0: return (byte)_divisor;
            case 0:
                if (_fifoCount == 0) return 0;
                byte value = _fifo[_fifoStart];
                _fifoStart = (_fifoStart + 1) % FifoSize;
                _fifoCount--;
                ready = _fifoCount == 0;
                return value;
            case 1 when (_lcr & LcrDivisorLatch) != 0: return (byte)(_divisor >> 8);
            case 1: return _ier;
            case 2:
                byte cause = Cause();
                if (cause == IirTransmit) _transmitPending = false;   // reading IIR clears the THRE interrupt
                return (byte)(cause | ((_fcr & 1) != 0 ? IirFifo : 0));
            case 3: return _lcr;
            case 4: return _mcr;
            case 5:
                byte status = LsrTransmitterEmpty;
                if (_fifoCount > 0) status |= LsrDataReady;
                if (_overrun) status |= LsrOverrun;
                _overrun = false;
                return status;
            case 6: return ModemStatus();
            case 7: return _scratch;
            default: return 0xff;
        }
    }

    private bool WriteRegister(int register, byte value)
    {
        switch (register)
        {
            case 0 when (_lcr & LcrDivisorLatch) != 0:
                _divisor = (ushort)((_divisor & 0xff00) | value);
                return false;
            case 0:
                _transmitPending = true;
                if ((_mcr & McrLoop) != 0)
                {
                    if (_fifoCount == FifoSize) _overrun = true;
                    else Push(value);
                    Raise();
                    return false;
                }

                Raise();
                return true;
            case 1 when (_lcr & LcrDivisorLatch) != 0:
                _divisor = (ushort)((_divisor & 0xff) | (value << 8));
                return false;
            case 1:
                bool enabled = (value & IerTransmit) != 0 && (_ier & IerTransmit) == 0;
                _ier = (byte)(value & 0xf);
                if (enabled) _transmitPending = true;   // enabling with an empty transmitter interrupts at once
                Raise();
                return false;
            case 2:
                _fcr = value;
                if ((value & 2) != 0) _fifoStart = _fifoCount = 0;
                return false;
            case 3:
                _lcr = value;
                return false;
            case 4:
                _mcr = (byte)(value & 0x1f);
                return false;
            case 7:
                _scratch = value;
                return false;
            default:
                return false;
        }
    }

    private void Push(byte value)
    {
        _fifo[(_fifoStart + _fifoCount) % FifoSize] = value;
        _fifoCount++;
    }

    private byte Cause()
    {
        if (_overrun && (_ier & IerLineStatus) != 0) return IirLineStatus;
        if (_fifoCount > 0 && (_ier & IerReceive) != 0) return IirReceive;
        if (_transmitPending && (_ier & IerTransmit) != 0) return IirTransmit;
        return IirNone;
    }

    private byte ModemStatus()
    {
        if ((_mcr & McrLoop) == 0) return MsrCts | MsrDsr | MsrDcd;
        byte status = 0;
        if ((_mcr & McrRts) != 0) status |= MsrCts;
        if ((_mcr & McrDtr) != 0) status |= MsrDsr;
        if ((_mcr & McrOut1) != 0) status |= MsrRi;
        if ((_mcr & McrOut2) != 0) status |= MsrDcd;
        return status;
    }

    private void Raise()
    {
        if (Cause() != IirNone) interrupt.Pulse();
    }
}
