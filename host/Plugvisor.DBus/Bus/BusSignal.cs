namespace Plugvisor.DBus.Bus;

/// <summary>A signal with one string as its argument.</summary>
/// <param name="Path">The object that it comes from.</param>
/// <param name="Interface">The interface that declares it.</param>
/// <param name="Member">Its name.</param>
/// <param name="Argument">The string in UTF-8.</param>
internal sealed record BusSignal(string Path, string Interface, string Member, ReadOnlyMemory<byte> Argument);
