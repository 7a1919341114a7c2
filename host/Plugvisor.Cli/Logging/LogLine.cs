using Microsoft.Extensions.Logging;

namespace Plugvisor.Cli.Logging;

/// <summary>What a log line can show.</summary>
internal readonly record struct LogLine(
    TimeSpan SinceStart, DateTimeOffset Utc, LogLevel Level, string Location, string Thread, int ThreadId, string Message)
{
    /// <summary>The time in the host's time zone.</summary>
    public DateTimeOffset Local => Utc.ToLocalTime();
}
