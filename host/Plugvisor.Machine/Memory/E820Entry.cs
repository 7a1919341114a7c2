namespace Plugvisor.Machine.Memory;

/// <summary>One entry of the memory map that the guest's kernel is given.</summary>
/// <param name="Range">The addresses.</param>
/// <param name="Type">What is there.</param>
public readonly record struct E820Entry(AddressRange Range, E820Type Type);
