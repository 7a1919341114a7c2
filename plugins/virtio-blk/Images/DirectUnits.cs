namespace Plugvisor.Plugins.VirtioBlk.Images;

/// <summary>What O_DIRECT asks for, in bytes; powers of two.</summary>
/// <param name="Memory">Alignment of buffer addresses.</param>
/// <param name="Offset">Alignment of offsets in the file, and of the length of each buffer.</param>
internal readonly record struct DirectUnits(uint Memory, uint Offset);
