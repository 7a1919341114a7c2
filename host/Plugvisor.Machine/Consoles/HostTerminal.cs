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
    private Attachment? _typedTo;
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
            if (_typedTo is not null) return new Attachment(this, hasKeys: false, null, resized);
            return _typedTo = new Attachment(this, hasKeys: true, _over ? null : TerminalMode.EnterRaw(input), resized);
        }
    }

    /// <summary>Gives the terminal back as it was, for good.</summary>
    public void Restore()
    {
        Attachment? attached;
        lock (_lock)
        {
            _over = true;
            attached = _typedTo;
        }

        attached?.Restore();
    }

    /// <summary><see cref="Restore"/>.</summary>
    public void Dispose() => Restore();

    private void Detach(Attachment attachment)
    {
        lock (_lock)
        {
            if (_typedTo == attachment) _typedTo = null;
        }
    }

    /// <summary>One device's connection to the terminal.</summary>
    private sealed class Attachment : ITerminalLease
    {
        private readonly HostTerminal _terminal;
        private readonly TerminalMode? _mode;
        private readonly PosixSignalRegistration? _resize;

        [SuppressMessage("Interoperability", "CA1416", Justification = "Linux only, as everything here")]
        public Attachment(HostTerminal terminal, bool hasKeys, TerminalMode? mode, Action resized)
        {
            _terminal = terminal;
            InputDescriptor = hasKeys ? terminal.InputDescriptor : -1;
            _mode = mode;
            // The runtime raises this on a thread pool thread, not in the signal handler.
            if (mode is not null) _resize = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => resized());
        }

        public int InputDescriptor { get; }

        public int OutputDescriptor => _terminal.OutputDescriptor;

        public void Restore() => _mode?.Restore();

        public void Dispose()
        {
            _resize?.Dispose();
            Restore();
            _terminal.Detach(this);
        }
    }
}
