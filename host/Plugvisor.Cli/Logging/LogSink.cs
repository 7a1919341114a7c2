using System.Text;
using Microsoft.Extensions.Logging;

namespace Plugvisor.Cli.Logging;

/// <summary>
/// Sends log lines to stderr or a file, one write a line, each ended by CR LF so that they stay readable on a terminal in raw mode.
/// </summary>
/// <remarks>
/// It is its own factory: the library's, made for many providers and filters that change, costs several milliseconds on the way to the first
/// guest instruction.
/// </remarks>
internal sealed class LogSink(Stream output, LogFormat format, LogLevel minimum, TimeProvider clock) : ILoggerFactory
{
    private readonly Lock _lock = new();
    private readonly long _start = clock.GetTimestamp();

    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName)
    {
        int dot = categoryName.LastIndexOf('.');
        return new Log(this, categoryName[(dot + 1)..]);
    }

    /// <inheritdoc/>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("the log has one sink");

    /// <inheritdoc/>
    public void Dispose() => output.Dispose();

    private void Write(LogLevel level, string location, string message)
    {
        Thread thread = Thread.CurrentThread;
        var line = new LogLine(
            clock.GetElapsedTime(_start), clock.GetUtcNow(), level, location, thread.Name ?? "vmm", thread.ManagedThreadId, message);
        byte[] bytes = Encoding.UTF8.GetBytes(format.Render(line) + "\r\n");
        lock (_lock)
        {
            try
            {
                output.Write(bytes);
            }
            catch (IOException)
            {
                // A full disk or a closed stderr must not stop the VM; there is nobody left to tell.
            }
        }
    }

    private sealed class Log(LogSink sink, string location) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= sink.Minimum && logLevel != LogLevel.None;

        void ILogger.Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            string message = formatter(state, exception);
            sink.Write(logLevel, location, exception is null ? message : $"{message}: {exception.Message}");
        }
    }

    private LogLevel Minimum => minimum;
}
