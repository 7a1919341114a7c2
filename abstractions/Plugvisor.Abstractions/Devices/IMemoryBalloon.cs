namespace Plugvisor.Abstractions.Devices;

/// <summary>
/// An optional power of a device that takes memory from the guest while it runs. <c>vm.resize</c> sets how much it is to take
/// (<c>desired_balloon</c>), and <c>vm.info</c> does not count what it has taken.
/// </summary>
public interface IMemoryBalloon
{
    /// <summary>
    /// Bytes that it is to hold; the guest follows in its own time. Set by the control loop, after the plugin's
    /// <see cref="IMemoryBalloonPlugin"/> and the checks of its configuration allowed the size.
    /// </summary>
    ulong Target { get; set; }

    /// <summary>Bytes that it holds, by the guest's own account. Any thread.</summary>
    ulong Actual { get; }
}
