using System.Globalization;
using System.Text;

namespace Plugvisor.Machine.Vcpus;

/// <summary>Why and where a vCPU stopped. <see cref="ToString"/> is one line for the log.</summary>
/// <param name="Vcpu">Index of the vCPU.</param>
/// <param name="Reason">What happened, in words.</param>
/// <param name="Rip">Instruction pointer; null when the registers could not be read.</param>
/// <param name="Mode">Processor mode, such as <c>64-bit</c>; null when the registers could not be read.</param>
/// <param name="Instruction">Bytes at the instruction pointer, up to 15; empty when they could not be read.</param>
/// <param name="Error">The exception, when it was one.</param>
public sealed record VcpuReport(
    int Vcpu, string Reason, ulong? Rip, string? Mode, ReadOnlyMemory<byte> Instruction, Exception? Error = null)
{
    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"vCPU {Vcpu} stopped: {Reason}");
        if (Rip is { } rip) text.Append(CultureInfo.InvariantCulture, $", rip 0x{rip:x}");
        else text.Append(", rip unknown");
        if (Mode is not null) text.Append(CultureInfo.InvariantCulture, $" ({Mode})");
        if (Instruction.IsEmpty) return text.Append(", instruction bytes unreadable").ToString();
        text.Append(", instruction bytes");
        foreach (byte b in Instruction.Span) text.Append(CultureInfo.InvariantCulture, $" {b:x2}");
        return text.ToString();
    }
}
