using Plugvisor.Tests.Kvm.Guests;
using Xunit;

namespace Plugvisor.Tests.Kvm.Api;

/// <summary>A running guest that takes disks that come and lets go of those that are to go (tests/guests/hotplug), a client, and an image for a disk "late".</summary>
internal sealed class HotplugRig : IDisposable
{
    private readonly string _more;

    private HotplugRig(RestVmm vmm, int mebibytes, string more)
    {
        Vmm = vmm;
        Client = vmm.Open();
        Image = new PatternImage(mebibytes);
        _more = more;
    }

    public RestVmm Vmm { get; }

    public ApiClient Client { get; }

    /// <summary>What <see cref="AddAsync"/> attaches.</summary>
    public PatternImage Image { get; }

    /// <summary>Starts it and waits until the guest looks for disks.</summary>
    /// <param name="options">Of the guest.</param>
    /// <param name="tidy">With garbage collected so often that a leak shows above it.</param>
    /// <param name="mebibytes">Size of the image.</param>
    /// <param name="more">More members of the disk.</param>
    public static async Task<HotplugRig> BootAsync(string options, bool tidy = false, int mebibytes = 1, string more = "")
    {
        var rig = new HotplugRig(await (tidy ? RestVmm.StartTidyAsync() : RestVmm.StartAsync()), mebibytes, more);
        try
        {
            Assert.Equal(204, (await rig.Client.PutAsync("vm.create", RestVmm.ConfigOf("hotplug", options))).Code);
            Assert.Equal(204, (await rig.Client.PutAsync("vm.boot")).Code);
            await rig.Vmm.Process.WaitForAsync("hotplug ready");
            return rig;
        }
        catch
        {
            rig.Dispose();
            throw;
        }
    }

    /// <summary>Attaches the disk.</summary>
    public Task<ApiAnswer> AddAsync() => Client.PutAsync("vm.add-disk", $$"""{"path":"{{Image.Path}}","image_type":"Raw","id":"late"{{_more}}}""");

    /// <summary>Asks the guest to let go of it.</summary>
    public Task<ApiAnswer> RemoveAsync() => Client.PutAsync("vm.remove-device", """{"id":"late"}""");

    /// <summary>Everything that was said, for the message of a failure.</summary>
    public string Everything() => Vmm.Process.Everything();

    public void Dispose()
    {
        Client.Dispose();
        Vmm.Dispose();
        Image.Dispose();
    }
}
