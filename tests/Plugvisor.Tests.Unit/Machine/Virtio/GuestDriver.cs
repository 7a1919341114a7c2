using System.Diagnostics;
using Plugvisor.Machine.Pci;
using Plugvisor.Machine.Virtio;

namespace Plugvisor.Tests.Unit.Machine.Virtio;

/// <summary>The driver's side of one virtio-pci device: accesses to its registers through the buses.</summary>
internal sealed class GuestDriver(VirtioPciMachine machine, VirtioPciDevice device)
{
    public const ulong Isr = 0x2000, Config = 0x4000, Notify = 0x6000, MsixTable = 0x8000, MsixPending = 0x48000;
    public const ulong DeviceFeatureSelect = 0x00, DeviceFeature = 0x04, DriverFeatureSelect = 0x08, DriverFeature = 0x0c,
        ConfigVector = 0x10, NumQueues = 0x12, Status = 0x14, Generation = 0x15, QueueSelect = 0x16, QueueSize = 0x18,
        QueueVector = 0x1a, QueueEnable = 0x1c, QueueNotifyOff = 0x1e, QueueDesc = 0x20, QueueDriver = 0x28, QueueDevice = 0x30;

    public const ulong Version1 = 1UL << 32;
    public const byte Acknowledge = 1, DriverBit = 2, DriverOk = 4, FeaturesOk = 8, NeedsReset = 64;

    private readonly int _slot = device.Slot;

    public VirtioPciDevice Device => device;

    public int Slot => _slot;

    public ulong Bar => device.Bars[0]!.Address;

    public byte StatusNow => (byte)Read(Status, 1);

    public bool IsBroken => (StatusNow & NeedsReset) != 0;

    public ulong Read(ulong offset, int width) => machine.Read(machine.Mmio, Bar + offset, width);

    public void Write(ulong offset, int width, ulong value) => machine.Write(machine.Mmio, Bar + offset, width, value);

    public uint ReadPci(int offset, int width = 4) => (uint)machine.Read(machine.Mmio, PciRoot.EcamBase + (ulong)(_slot << 15) + (ulong)offset, width);

    public void WritePci(int offset, uint value, int width = 4) =>
        machine.Write(machine.Mmio, PciRoot.EcamBase + (ulong)(_slot << 15) + (ulong)offset, width, value);

    /// <summary>Where the nth capability of an id starts (for vendor ones: of that virtio type), or 0.</summary>
    public int Capability(byte id, byte virtioType = 0)
    {
        for (int at = (int)ReadPci(0x34, 1); at != 0; at = (int)ReadPci(at + 1, 1))
        {
            if (ReadPci(at, 1) == id && (virtioType == 0 || ReadPci(at + 3, 1) == virtioType)) return at;
        }

        return 0;
    }

    public void SetStatus(int status) => Write(Status, 1, (ulong)status);

    public void SetFeatures(ulong features)
    {
        for (uint half = 0; half < 2; half++)
        {
            Write(DriverFeatureSelect, 4, half);
            Write(DriverFeature, 4, (uint)(features >> (int)(32 * half)));
        }
    }

    public bool Negotiate(ulong features = Version1)
    {
        SetStatus(Acknowledge);
        SetStatus(Acknowledge | DriverBit);
        SetFeatures(features);
        SetStatus(Acknowledge | DriverBit | FeaturesOk);
        return (StatusNow & FeaturesOk) != 0;
    }

    public void SetUpQueue(int queue, ulong size = 16, ulong descriptors = 0x10000, ulong driver = 0x20000, ulong device = 0x30000, ushort vector = 0xffff)
    {
        Write(QueueSelect, 2, (ulong)queue);
        Write(QueueSize, 2, size);
        WriteAddress(QueueDesc, descriptors);
        WriteAddress(QueueDriver, driver);
        WriteAddress(QueueDevice, device);
        Write(QueueVector, 2, vector);
        Write(QueueEnable, 2, 1);
    }

    public void Start(params int[] queues)
    {
        Negotiate();
        foreach (int queue in queues) SetUpQueue(queue, descriptors: 0x10000 + (ulong)queue * 0x40000, driver: 0x20000 + (ulong)queue * 0x40000,
            device: 0x30000 + (ulong)queue * 0x40000);
        SetStatus(StatusNow | DriverOk);
    }

    /// <summary>Writes the rings of queue 0 as <see cref="Start"/> places them, with one device-writable buffer made available.</summary>
    public void PrepareRequest()
    {
        machine.Memory.TryWrite(0x10000, [0, 0, 4, 0, 0, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 0]);
        machine.Memory.TryWrite(0x20000, [0, 0, 1, 0, 0, 0]);
    }

    /// <summary>Resets and polls for 0, as drivers do.</summary>
    public bool Reset(double seconds = 10)
    {
        SetStatus(0);
        return AwaitStatus(0, seconds);
    }

    public bool AwaitStatus(byte status, double seconds = 10)
    {
        long start = Stopwatch.GetTimestamp();
        while (StatusNow != status)
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > seconds) return false;
            Thread.Yield();
        }

        return true;
    }

    public void Kick(int queue) => Write(Notify + 4 * (ulong)queue, 2, (ulong)queue);

    public void SetVector(int vector, ulong address, uint data, bool masked = false)
    {
        ulong entry = MsixTable + 16 * (ulong)vector;
        Write(entry, 4, (uint)address);
        Write(entry + 4, 4, (uint)(address >> 32));
        Write(entry + 8, 4, data);
        Mask(vector, masked);
    }

    public void Mask(int vector, bool masked) => Write(MsixTable + 16 * (ulong)vector + 12, 4, masked ? 1u : 0u);

    public void EnableMsix(bool enabled = true, bool allMasked = false) =>
        WritePci(Capability(0x11) + 2, (enabled ? 0x8000u : 0) | (allMasked ? 0x4000u : 0), 2);

    private void WriteAddress(ulong register, ulong address)
    {
        Write(register, 4, (uint)address);
        Write(register + 4, 4, (uint)(address >> 32));
    }
}
