using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Plugvisor.Abstractions.Devices;
using Plugvisor.Linux.Consoles;

namespace Plugvisor.Machine.Consoles;

/// <summary>
/// The process's terminal, handed to one device at a time. <see cref="Restore"/> belongs on every way out: it is idempotent, safe on any thread
/// and at any time, and after it no device can make the terminal raw again.
/// </summary>
/// <param name="input">Descriptor of the terminal's input; 0 in the executable.</param>
/// <param name="output">Descriptor of the terminal's output; 1 in the executable.</param>
public sealed class HostTerminal(int input = 0, int output = 1) : ITerminalService, IDisposable
{
    private readonly Lock _lock = new();
    private Attachment? _attached;
    private bool _over;

    /// <inheritdoc/>
    public int InputDescriptor => input;

    /// <inheritdoc/>
    public int OutputDescriptor => output;

    /// <inheritdoc/>
    public TerminalSize Size => TerminalWindow.TryGetSize(output, out ushort columns, out ushort rows) ? new(columns, rows) : default;

    /// <inheritdoc/>
    public IDisposable Attach(string owner, Action resized)
    {
        lock (_lock)
        {
            if (_attached is not null)
                throw new DeviceException($"{owner} cannot have the terminal: {_attached.Owner} has it; give one of them another mode");
            return _attached = new Attachment(this, owner, _over ? null : TerminalMode.EnterRaw(input), resized);
        }
    }

    /// <summary>Gives the terminal back as it was, for good.</summary>
    public void Restore()
    {
        Attachment? attached;
        lock (_lock)
        {
            _over = true;
            attached = _attached;
        }

        attached?.Restore();
    }

    /// <summary><see cref="Restore"/>.</summary>
    public void Dispose() => Restore();

    private void Detach(Attachment attachment)
    {
        lock (_lock)
        {
            if (_attached == attachment) _attached = null;
        }
    }

    /// <summary>One device's time with the terminal.</summary>
    private sealed class Attachment : IDisposable
    {
        private readonly HostTerminal _terminal;
        private readonly TerminalMode? _mode;
        private readonly PosixSignalRegistration? _resize;

        [SuppressMessage("Interoperability", "CA1416", Justification = "Linux only, as everything here")]
        public Attachment(HostTerminal terminal, string owner, TerminalMode? mode, Action resized)
        {
            _terminal = terminal;
            Owner = owner;
            _mode = mode;
            // The runtime raises this on a thread pool thread, not in the signal handler.
            if (mode is not null) _resize = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => resized());
        }

        public string Owner { get; }

        public void Restore() => _mode?.Restore();

        public void Dispose()
        {
            _resize?.Dispose();
            Restore();
            _terminal.Detach(this);
        }
    }
}
