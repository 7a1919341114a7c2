using System.Diagnostics;
using System.Text;
using Plugvisor.Linux.Consoles;
using Plugvisor.Linux.Events;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Consoles;

/// <summary>Drives a back end as its owner does: wait for its descriptor, then read until there is nothing.</summary>
internal sealed class BackendPump : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    private readonly ICharacterBackend _backend;
    private readonly Epoll _epoll = new();
    private readonly StringBuilder _text = new();

    public BackendPump(ICharacterBackend backend)
    {
        _backend = backend;
        _epoll.Set(backend.EventDescriptor, EpollEvents.Readable | EpollEvents.EdgeTriggered, 0);
        Take();
    }

    /// <summary>What was read and not yet asked for.</summary>
    public string Text => _text.ToString();

    /// <summary>Reads until the input has at least that many characters.</summary>
    public string ReadUntil(int length)
    {
        Until(() => _text.Length >= length, $"{length} characters of input");
        string text = _text.ToString();
        _text.Clear();
        return text;
    }

    /// <summary>Serves the back end until the condition holds.</summary>
    public void Until(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        Span<EpollEvent> ready = stackalloc EpollEvent[1];
        while (!condition())
        {
            Assert.True(watch.Elapsed < Deadline, $"no {what} in time; have '{_text}'");
            if (_epoll.Wait(ready, 50) > 0) Take();
        }
    }

    public void Dispose() => _epoll.Dispose();

    private void Take()
    {
        Span<byte> buffer = stackalloc byte[4096];
        int count;
        while ((count = _backend.Read(buffer)) > 0) _text.Append(Encoding.Latin1.GetString(buffer[..count]));
    }
}
