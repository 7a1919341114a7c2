using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Events;

/// <summary>A log that a test waits on.</summary>
internal sealed class WaitableLog : ILogger, IDisposable
{
    private readonly BlockingCollection<string> _lines = [];

    public int Count => _lines.Count;

    /// <summary>Takes the next line; fails after ten seconds.</summary>
    public string Next()
    {
        Assert.True(_lines.TryTake(out string? line, TimeSpan.FromSeconds(10)), "no log line within 10 s");
        return line;
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        _lines.Add($"{logLevel}: {formatter(state, exception)}");

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Dispose() => _lines.Dispose();
}
