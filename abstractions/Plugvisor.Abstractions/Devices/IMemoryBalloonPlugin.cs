namespace Plugvisor.Abstractions.Devices;

/// <summary>An optional power of the plugin class whose devices are <see cref="IMemoryBalloon"/>s.</summary>
public interface IMemoryBalloonPlugin
{
    /// <summary>
    /// The member of the device's configuration that says how many bytes it is to hold: <c>vm.resize</c> writes it, so that the size is kept over
    /// a reboot and can be set before boot.
    /// </summary>
    string SizeMember { get; }
}
