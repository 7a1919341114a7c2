namespace Plugvisor.Tests.Linux.Api;

/// <summary>
/// The requests that the REST examples of Cloud Hypervisor's API guide (docs/api.md there) make, as bash, to the letter: socket, paths, headers, documents. Two things are
/// added to the document of vm.create: an initramfs, because the drivers of Debian's stock kernel are modules, and at the end of the command line the words that save an
/// emulated host time.
/// </summary>
internal static class GuideExamples
{
    internal const string Kernel = "/opt/clh/kernel/vmlinux-virtio-fs-virtio-iommu", Image = "/opt/clh/images/focal-server-cloudimg-amd64.raw";

    internal const string CommandLine = "console=ttyS0 console=hvc0 root=/dev/vda1 rw";

    // Not in the guide.
    internal const string Initramfs = "/opt/clh/kernel/initramfs";

    private const string Curl = "curl --unix-socket /tmp/cloud-hypervisor.sock -i ", Address = "http://localhost/api/v1/";

    internal const string Boot = $"{Curl}-X PUT '{Address}vm.boot'";

    internal const string Reboot = $"{Curl}-X PUT '{Address}vm.reboot'";

    internal const string Shutdown = $"{Curl}-X PUT '{Address}vm.shutdown'";

    internal const string ShutdownVmm = $"{Curl}-X PUT '{Address}vmm.shutdown'";

    internal const string Info = $"""
        {Curl}\
             -X GET '{Address}vm.info' \
             -H 'Accept: application/json'
        """;

    internal static string Create(string words) => $$"""
        {{Curl}}\
             -X PUT '{{Address}}vm.create'  \
             -H 'Accept: application/json'               \
             -H 'Content-Type: application/json'         \
             -d '{
                 "cpus":{"boot_vcpus": 4, "max_vcpus": 4},
                 "payload":{"kernel":"{{Kernel}}", "cmdline":"{{CommandLine}} {{words}}", "initramfs":"{{Initramfs}}"},
                 "disks":[{"path":"{{Image}}"}],
                 "rng":{"src":"/dev/urandom"},
                 "net":[{"ip":"192.168.10.10", "mask":"255.255.255.0", "mac":"12:34:56:78:90:01"}]
                 }'
        """;
}
