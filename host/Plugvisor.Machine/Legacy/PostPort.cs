using Microsoft.Extensions.Logging;
using Plugvisor.Machine.Buses;

namespace Plugvisor.Machine.Legacy;

/// <summary>Port 0x80, where firmware and kernels leave progress codes: logged at trace level, and a cheap exit for timing loops.</summary>
public sealed class PostPort(ILogger log) : IBusDevice
{
    /// <summary>The port.</summary>
    public const ushort Port = 0x80;

    /// <inheritdoc/>
    public void Read(ulong offset, Span<byte> data) => data.Clear();

    /// <inheritdoc/>
    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        if (data.Length > 0 && log.IsEnabled(LogLevel.Trace)) log.LogTrace("guest progress code 0x{Code:x2}", data[0]);
    }
}
