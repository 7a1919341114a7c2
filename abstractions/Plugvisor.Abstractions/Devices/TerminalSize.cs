namespace Plugvisor.Abstractions.Devices;

/// <summary>Size of a terminal in characters; 0 where it is not known.</summary>
public readonly record struct TerminalSize(ushort Columns, ushort Rows);
