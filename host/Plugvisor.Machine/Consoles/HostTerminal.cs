using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;

namespace Plugvisor.Machine.Consoles;

/// <summary>
/// The process's terminal. Several devices may print on it, the first one that is connected gets the keys. <see cref="Restore"/> belongs on every way out: it is idempotent, safe on any thread
/// and at any time, and after it no device can make the terminal raw again.
/// </summary>
/// <param name="input">Descriptor of the terminal's input; 0 in the executable.</param>
/// <param name="output">Descriptor of the terminal's output; 1 in the executable.</param>
public sealed class HostTerminal(int input = 0, int output = 1) : ITerminalService, IDisposable
{
    private readonly Lock _lock = new();
    private string? _typedTo;        // who has the keys
    private int _leases;             // of that one: two for a moment when an instance of a device takes over from another
    private TerminalMode? _mode;
    private bool _over;

    /// <summary>Where output goes that belongs to no device.</summary>
    public int OutputDescriptor => output;

    private int InputDescriptor => input;

    /// <inheritdoc/>
    public TerminalSize Size => TerminalWindow.TryGetSize(output, out ushort columns, out ushort rows) ? new(columns, rows) : default;

    /// <inheritdoc/>
    public ITerminalLease Attach(string owner, Action resized)
    {
        lock (_lock)
        {
            if (_leases > 0 && _typedTo != owner) return new Attachment(this, hasKeys: false, hasMode: false, resized);
            if (_leases++ == 0)
            {
                _typedTo = owner;
                _mode = _over ? null : TerminalMode.EnterRaw(input);
            }

            return new Attachment(this, hasKeys: true, _mode is not null, resized);
        }
    }

    /// <summary>Gives the terminal back as it was, for good.</summary>
    public void Restore()
    {
        TerminalMode? mode;
        lock (_lock)
        {
            _over = true;
            mode = _mode;
        }

        mode?.Restore();
    }

    /// <summary><see cref="Restore"/>.</summary>
    public void Dispose() => Restore();

    private void Detach()
    {
        lock (_lock)
        {
            if (--_leases > 0) return;
            _mode?.Restore();
            _mode = null;
            _typedTo = null;
        }
    }

    /// <summary>One device's connection to the terminal.</summary>
    private sealed class Attachment : ITerminalLease
    {
        private readonly HostTerminal _terminal;
        private readonly PosixSignalRegistration? _resize;
        private readonly bool _hasKeys;
        private int _disposed;

        [SuppressMessage("Interoperability", "CA1416", Justification = "Linux only, as everything here")]
        public Attachment(HostTerminal terminal, bool hasKeys, bool hasMode, Action resized)
        {
            _terminal = terminal;
            _hasKeys = hasKeys;
            InputDescriptor = hasKeys ? terminal.InputDescriptor : -1;
            // The runtime raises this on a thread pool thread, not in the signal handler.
            if (hasMode) _resize = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => resized());
        }

        public int InputDescriptor { get; }

        public int OutputDescriptor => _terminal.OutputDescriptor;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
            _resize?.Dispose();
            if (_hasKeys) _terminal.Detach();
        }
    }
}
