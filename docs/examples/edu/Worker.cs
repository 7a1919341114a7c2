using Plugvisor.Abstractions.Devices;
using Plugvisor.Abstractions.Memory;
using Plugvisor.Abstractions.Pci;

namespace Examples.Edu;

/// <summary>The device's thread: one job at a time, an interrupt after each. It ends before <see cref="Dispose"/> returns.</summary>
internal sealed class Worker : IDisposable
{
    public delegate void Finished(in Job job, uint result, bool succeeded);

    private readonly object _lock = new();
    private readonly byte[] _buffer = new byte[Registers.BufferLength];
    private readonly GuestMemory _memory;
    private readonly DeviceCounter _jobs;
    private readonly Finished _finished;
    private readonly Thread _thread;
    private Job _job;
    private bool _working, _paused, _ending;

    /// <param name="id">The device's.</param>
    /// <param name="host">Gives the thread.</param>
    /// <param name="finished">Called on it after each job.</param>
    /// <param name="saved">What an earlier instance's <see cref="Save"/> wrote, or null. With it the worker is paused: this instance is not in its place yet.</param>
    public Worker(string id, IDeviceHost host, Finished finished, BinaryReader? saved)
    {
        if (saved is not null)
        {
            _job = new Job((JobKind)saved.ReadByte(), saved.ReadUInt64(), saved.ReadUInt32(), saved.ReadUInt32());
            saved.BaseStream.ReadExactly(_buffer);
            _paused = true;
        }

        _memory = host.Memory;
        _jobs = host.Counters.Add("jobs");
        _finished = finished;
        _thread = host.StartThread($"{id}_job", Run);   // what it throws latches the device
    }

    /// <summary>Where interrupts go.</summary>
    public IPciTransport? Transport { get; set; }

    /// <summary>Asks for a job; the one before is done.</summary>
    public void Post(in Job job)
    {
        lock (_lock)
        {
            _job = job;
            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>When it returns no job runs and none starts.</summary>
    public void Pause()
    {
        lock (_lock)
        {
            _paused = true;
            while (_working) Monitor.Wait(_lock);
        }
    }

    /// <summary>Writes the buffer, and a job that waits. While paused.</summary>
    public void Save(BinaryWriter to)
    {
        to.Write((byte)_job.Kind);
        to.Write(_job.Address);
        to.Write(_job.Offset);
        to.Write(_job.Length);
        to.Write(_buffer);
    }

    /// <summary>Drops a job that waits. While paused.</summary>
    public void Forget()
    {
        lock (_lock) _job = default;
    }

    public void Resume()
    {
        lock (_lock)
        {
            _paused = false;
            Monitor.PulseAll(_lock);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _ending = true;
            Monitor.PulseAll(_lock);
        }

        _thread.Join();
    }

    private void Run()
    {
        while (true)
        {
            Job job;
            lock (_lock)
            {
                _working = false;
                Monitor.PulseAll(_lock);
                while (!_ending && (_paused || _job.Kind == JobKind.None)) Monitor.Wait(_lock);
                if (_ending) return;
                job = _job;
                _job = default;
                _working = true;
            }

            bool succeeded = Do(job, out uint result);
            _jobs.Add(1);
            _finished(job, result, succeeded);
            Transport?.SignalInterrupt(0);
        }
    }

    private bool Do(in Job job, out uint result)
    {
        result = 0;
        if (job.Kind == JobKind.Factorial)
        {
            ulong product = 1;
            for (uint i = 2; i <= job.Offset; i++) product *= i;
            result = (uint)product;
            return true;
        }

        // Offset, length and address are the guest's: check before use, and so that no sum can overflow.
        if (job.Offset > Registers.BufferLength || job.Length > Registers.BufferLength - job.Offset) return false;
        Span<byte> buffer = _buffer.AsSpan((int)job.Offset, (int)job.Length);
        return job.Kind == JobKind.FromGuest ? _memory.TryRead(job.Address, buffer) : _memory.TryWrite(job.Address, buffer);
    }
}
