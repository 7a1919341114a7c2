namespace Plugvisor.Testing.Memory;

/// <summary>A region of mock guest RAM.</summary>
/// <param name="Address">First guest-physical address.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct MockRegion(ulong Address, ulong Length);
