using System.IO.Pipes;
using Plugvisor.Abstractions.Devices;

namespace Plugvisor.Tests.Unit.Plugins.VirtioConsole;

/// <summary>A terminal made of two pipes, whose size a test can change.</summary>
internal sealed class FakeTerminal : ITerminalService, IDisposable
{
    private Action? _resized;

    /// <summary>What the person types.</summary>
    public AnonymousPipeServerStream Keyboard { get; } = new(PipeDirection.Out);

    /// <summary>What the person sees.</summary>
    public AnonymousPipeServerStream Screen { get; } = new(PipeDirection.In);

    private int InputDescriptor => (int)Keyboard.ClientSafePipeHandle.DangerousGetHandle();

    private int OutputDescriptor => (int)Screen.ClientSafePipeHandle.DangerousGetHandle();

    public TerminalSize Size { get; private set; } = new(80, 25);

    public string? Owner { get; private set; }

    public ITerminalLease Attach(string owner, Action resized)
    {
        if (Owner is not null) return new Attachment(this, hasKeys: false);
        Owner = owner;
        _resized = resized;
        return new Attachment(this, hasKeys: true);
    }

    public void Resize(TerminalSize size)
    {
        Size = size;
        _resized?.Invoke();
    }

    public void Dispose()
    {
        Keyboard.Dispose();
        Screen.Dispose();
    }

    private sealed class Attachment(FakeTerminal terminal, bool hasKeys) : ITerminalLease
    {
        public int InputDescriptor => hasKeys ? terminal.InputDescriptor : -1;

        public int OutputDescriptor => terminal.OutputDescriptor;

        public void Dispose()
        {
            if (hasKeys) (terminal.Owner, terminal._resized) = (null, null);
        }
    }
}
