namespace Plugvisor.Machine.Boot;

/// <summary>What the guest boots: a firmware, or a kernel with its initramfs and command line.</summary>
/// <param name="Kernel">Path of an ELF file with a PVH entry, or of a bzImage. Not together with <paramref name="Firmware"/>.</param>
/// <param name="Firmware">Path of a firmware, an ELF file with a PVH entry. It gets neither initramfs nor command line.</param>
/// <param name="Initramfs">Path of the initial file system for the kernel.</param>
/// <param name="CommandLine">Command line of the kernel.</param>
public sealed record Payload(
    string? Kernel = null, string? Firmware = null, string? Initramfs = null, string? CommandLine = null);
