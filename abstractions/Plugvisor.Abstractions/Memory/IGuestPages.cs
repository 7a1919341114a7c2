namespace Plugvisor.Abstractions.Memory;

/// <summary>
/// The host memory behind guest RAM, a service of the host: <c>IDeviceHost.Service&lt;IGuestPages&gt;()</c>. For devices to which the guest lends memory
/// that it does not need, such as a balloon. Any thread.
/// </summary>
public interface IGuestPages
{
    /// <summary>
    /// Gives the host memory behind a range back to the host. What was in it is lost; the guest reads zeroes there from now on, and gets memory again
    /// when it writes. Whole pages of the size that backs the guest only: a range is rounded inwards. One or two system calls, however long it is.
    /// </summary>
    /// <param name="address">Guest-physical address, untrusted.</param>
    /// <param name="length">Bytes.</param>
    /// <returns>False when a part of the range is not RAM of the machine (nothing is given back then), or the kernel refuses.</returns>
    bool Release(ulong address, ulong length);
}
