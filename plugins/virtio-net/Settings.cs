namespace Plugvisor.Plugins.VirtioNet;

/// <summary>What the driver has set by its control queue.</summary>
/// <param name="Pairs">Queue pairs that it uses.</param>
/// <param name="Offloads">Guest offloads in force, as feature bits.</param>
internal readonly record struct Settings(ushort Pairs, ulong Offloads);
