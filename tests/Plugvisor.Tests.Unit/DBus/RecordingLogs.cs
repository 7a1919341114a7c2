using Microsoft.Extensions.Logging;

namespace Plugvisor.Tests.Unit.DBus;

/// <summary>Keeps what is logged, and lets a test wait for it.</summary>
internal sealed class RecordingLogs : ILoggerFactory, ILogger
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly List<(LogLevel Level, string Text)> _lines = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<string> Errors
    {
        get { lock (_lines) return [.. _lines.Where(line => line.Level >= LogLevel.Error).Select(line => line.Text)]; }
    }

    /// <summary>Waits until as many lines have this text; the last of these.</summary>
    public async Task<string> WaitForAsync(string text, int times = 1)
    {
        using var limit = new CancellationTokenSource(Limit);
        while (true)
        {
            Task changed;
            lock (_lines)
            {
                string[] found = [.. _lines.Select(line => line.Text).Where(line => line.Contains(text, StringComparison.Ordinal))];
                if (found.Length >= times) return found[times - 1];
                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                lock (_lines) throw new TimeoutException($"no '{text}' in the log:\n{string.Join('\n', _lines)}");
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) { }

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add((logLevel, formatter(state, exception)));
            _changed.SetResult();
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Dispose() { }
}
