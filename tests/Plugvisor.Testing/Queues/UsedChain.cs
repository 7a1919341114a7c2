namespace Plugvisor.Testing.Queues;

/// <summary>A chain that the device has given back.</summary>
/// <param name="Head">What <see cref="DriverQueue.Add"/> returned for it.</param>
/// <param name="Written">Bytes that the device says it has written.</param>
public readonly record struct UsedChain(ushort Head, uint Written);
