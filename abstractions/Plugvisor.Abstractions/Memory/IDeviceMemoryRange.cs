namespace Plugvisor.Abstractions.Memory;

/// <summary>Device memory that the guest can reach, until it is disposed (once, any thread): the guest then finds nothing there, and the host has let go of the mapping.</summary>
public interface IDeviceMemoryRange : IDisposable
{
    /// <summary>First guest-physical address.</summary>
    ulong Address { get; }

    /// <summary>Bytes.</summary>
    ulong Length { get; }
}
