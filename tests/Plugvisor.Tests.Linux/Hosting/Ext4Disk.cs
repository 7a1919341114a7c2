namespace Plugvisor.Tests.Linux.Hosting;

/// <summary>An ext4 image, looked at from this machine without mounting it.</summary>
internal sealed class Ext4Disk(string path)
{
    /// <summary>Size in bytes.</summary>
    public long Length => new FileInfo(path).Length;

    /// <summary>What a file on it contains; an empty text when it is not there.</summary>
    public Task<string> ReadAsync(string file) => Command.MustAsync("debugfs", "-R", $"cat {file}", path);

    /// <summary>Checks the file system and repairs nothing; e2fsck's words when it is not clean, nothing when it is.</summary>
    public async Task<string> CheckAsync()
    {
        Command.Result check = await Command.RunAsync(TimeSpan.FromSeconds(60), "e2fsck", "-f", "-n", path);
        return check.Status == 0 ? "" : check.ToString();
    }

    /// <summary>Replays the journal, as a mount after a crash would; e2fsck's words when more than that was wrong.</summary>
    public async Task<string> RecoverAsync()
    {
        // 1: errors were corrected, which is what replaying a journal is called.
        Command.Result check = await Command.RunAsync(TimeSpan.FromSeconds(60), "e2fsck", "-p", path);
        return check.Status is 0 or 1 ? "" : check.ToString();
    }
}
