using Plugvisor.Testing.Guests;
using Xunit;

namespace MyDevice.Tests;

/// <summary>The plugin in plugvisor itself, driven by a guest (guest/RawDeviceName.c). Needs /dev/kvm and, in PLUGVISOR, the executable's path.</summary>
public sealed class GuestTests
{
    [Fact]
    public async Task A_guest_drives_the_device()
    {
        string plugvisor = Environment.GetEnvironmentVariable("PLUGVISOR") ?? "plugvisor";
        string here = AppContext.BaseDirectory;

        GuestRun run = await GuestRun.StartAsync(
            plugvisor, Path.Combine(here, "guest", "RawDeviceName"), ["--plugin-dir", Path.Combine(here, "plugins"), "--device-kind", "limit=16"]);

        Assert.True(run.ExitCode == 0 && run.Serial.Contains("MyDevice limit 16 answer hello ok", StringComparison.Ordinal), run.Everything);
        Assert.Equal("", run.Log);
    }
}
