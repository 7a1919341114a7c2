using Xunit;

namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>
/// Some boots in one run of the host, and the folder of their files. A test class takes a derived one as its fixture, so that the
/// costly part is done once and each test looks at one thing that came of it.
/// </summary>
public abstract class BootRun : IAsyncLifetime
{
    private readonly List<Boot> _boots = [];

    /// <summary>Folder on this machine for disk images and results; RESULTS in scripts.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("plugvisor-linux-").FullName;

    public async ValueTask InitializeAsync()
    {
        await PrepareAsync();
        string script = "cd \"$(mktemp -d)\"\n" + string.Concat(_boots.Select(boot => boot.ToBash()));
        // A run has to be longer than its boots may be, so that a limit that is hit names the boot.
        await LinuxHost.RunAsync(script, Folder, TimeSpan.FromSeconds(30 + _boots.Sum(boot => boot.Limit)));
        foreach (Boot boot in _boots) boot.Collect(Folder);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Directory.Delete(Folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>Makes disks and the like before the boots.</summary>
    protected virtual Task PrepareAsync() => Task.CompletedTask;

    /// <summary>Makes <c>initramfs</c> in the folder: the guest's own with further files, all of them executable.</summary>
    private protected async Task AddToInitramfsAsync(params (string Name, byte[] Content)[] files)
    {
        await Command.MustAsync(Repository.Engineering("guest/build"));
        string added = Path.Combine(Folder, "added");
        foreach ((string name, byte[] content) in files)
        {
            string path = Path.Combine(added, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await File.WriteAllBytesAsync(path, content);
        }

        // The kernel takes archives one after another.
        await Command.MustAsync("bash", "-c", $$"""
            set -e -o pipefail
            cd '{{added}}'
            chmod -R 755 .
            cp '{{Repository.Guest}}/initramfs.cpio' ../initramfs
            find . -mindepth 1 | sort | cpio -o -H newc --quiet -R 0:0 >>../initramfs
            """);
        Directory.Delete(added, recursive: true);
    }

    /// <summary>Adds a boot to the run.</summary>
    internal Boot Add(Boot boot)
    {
        _boots.Add(boot);
        return boot;
    }

    /// <summary>Makes an ext4 disk with these files in the folder; its path on this machine.</summary>
    private protected async Task<Ext4Disk> DiskAsync(string name, string size = "32M", params (string Name, string Text)[] files)
    {
        string content = Path.Combine(Folder, name + ".files"), image = Path.Combine(Folder, name);
        Directory.CreateDirectory(content);
        foreach ((string file, string text) in files) await File.WriteAllTextAsync(Path.Combine(content, file), text);
        await Command.MustAsync(Repository.Engineering("guest/disk"), image, size, content);
        Directory.Delete(content, recursive: true);
        return new Ext4Disk(image);
    }
}
