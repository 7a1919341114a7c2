using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Files;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.Files;

public sealed unsafe class LinuxFileTests
{
    [Fact]
    public void Status_tells_size_kind_and_identity()
    {
        using var temporary = new TemporaryFile(length: 12345);
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Read);
        FileStatus status = file.ReadStatus();
        Assert.Equal(FileKind.Regular, status.Kind);
        Assert.Equal(12345ul, status.Size);
        Assert.NotEqual(0ul, status.Inode);
        Assert.NotEqual(0ul, status.Device);
        Assert.Equal(0ul, status.SpecialDevice);
        Assert.Equal(512u, status.LogicalBlock);
    }

    [Fact]
    public void A_character_device_is_neither_a_file_nor_a_block_device()
    {
        using LinuxFile file = LinuxFile.Open("/dev/null", FileOpen.Write);
        Assert.Equal(FileKind.Other, file.ReadStatus().Kind);
    }

    [Fact]
    public void A_missing_file_is_named_in_the_error()
    {
        LinuxException e = Assert.Throws<LinuxException>(() => LinuxFile.Open("/nowhere/disk.img", FileOpen.Read));
        Assert.Contains("/nowhere/disk.img", e.Message, StringComparison.Ordinal);
        Assert.Equal(2, e.Errno);
    }

    [Fact]
    public void What_is_written_durably_is_read_back_and_the_end_gives_a_short_read()
    {
        using var temporary = new TemporaryFile(length: 4096);
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Write);
        byte[] data = [1, 2, 3, 4];
        fixed (byte* first = data)
        {
            (nint, nint)* vectors = stackalloc (nint, nint)[] { ((nint)first, 1), ((nint)first + 1, 3) };
            Assert.Equal(4, file.WriteAt(vectors, 2, 4090, LinuxFile.Durable));
        }

        Assert.Equal(0, file.SyncData());
        byte[] read = new byte[16];
        Assert.Equal(6, file.ReadAt(read, 4090));
        Assert.Equal([1, 2, 3, 4, 0, 0], read[..6]);
        Assert.Equal(0, file.ReadAt(read, 1 << 20));
    }

    [Fact]
    public void Writing_to_a_file_opened_for_reading_answers_EBADF()
    {
        using var temporary = new TemporaryFile(length: 512);
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Read);
        byte b = 0;
        (nint, nint) vector = ((nint)(&b), 1);
        Assert.Equal(-9, file.WriteAt(&vector, 1, 0, 0));
    }

    [Fact]
    public void A_punched_hole_reads_as_zeros_and_keeps_the_size()
    {
        using var temporary = new TemporaryFile(Enumerable.Repeat((byte)7, 16384).ToArray());
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Write);
        Assert.Equal(0, file.Allocate(FileAllocation.PunchHole | FileAllocation.KeepSize, 4096, 4096));
        Assert.Equal(0, file.Allocate(FileAllocation.ZeroRange | FileAllocation.KeepSize, 12288, 8192));
        byte[] after = temporary.ReadAll();
        Assert.Equal(16384, after.Length);
        Assert.All(after[4096..8192], b => Assert.Equal(0, b));
        Assert.All(after[8192..12288], b => Assert.Equal(7, b));
        Assert.All(after[12288..], b => Assert.Equal(0, b));
    }

    [Fact]
    public void Direct_reads_need_the_alignment_that_the_status_tells()
    {
        using var temporary = new TemporaryFile(Enumerable.Repeat((byte)9, 8192).ToArray());
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Direct);
        FileStatus status = file.ReadStatus();
        Assert.InRange(status.DirectOffsetAlignment, 1u, 4096u);
        byte* buffer = (byte*)NativeMemory.AlignedAlloc(4096, 4096);
        try
        {
            (nint, nint) vector = ((nint)buffer, 4096);
            Assert.Equal(4096, file.ReadAt(&vector, 1, 4096));
            Assert.Equal(9, buffer[4095]);
            vector = ((nint)buffer, 100);
            Assert.Equal(-22, file.ReadAt(&vector, 1, 0));
        }
        finally
        {
            NativeMemory.AlignedFree(buffer);
        }
    }

    [Fact]
    public void A_second_writer_is_refused_until_the_first_lets_go()
    {
        using var temporary = new TemporaryFile(length: 4096);
        using LinuxFile first = LinuxFile.Open(temporary.Path, FileOpen.Write);
        using LinuxFile second = LinuxFile.Open(temporary.Path, FileOpen.Write);
        Assert.True(first.TryLock(FileLock.Write, 0, 0));
        Assert.False(second.TryLock(FileLock.Write, 0, 4096));
        Assert.False(second.TryLock(FileLock.Read, 0, 4096));
        first.Unlock();
        Assert.True(second.TryLock(FileLock.Write, 0, 4096));
    }

    [Fact]
    public void Readers_share_and_exclude_a_writer()
    {
        using var temporary = new TemporaryFile(length: 4096);
        using LinuxFile first = LinuxFile.Open(temporary.Path, FileOpen.Read);
        using LinuxFile second = LinuxFile.Open(temporary.Path, FileOpen.Read);
        using LinuxFile writer = LinuxFile.Open(temporary.Path, FileOpen.Write);
        Assert.True(first.TryLock(FileLock.Read, 0, 4096));
        Assert.True(second.TryLock(FileLock.Read, 0, 4096));
        Assert.False(writer.TryLock(FileLock.Write, 0, 4096));
    }

    [Fact]
    public void Reopening_reaches_the_same_file_after_its_path_is_gone()
    {
        using var temporary = new TemporaryFile([5], 512);
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Read);
        File.Delete(temporary.Path);
        using LinuxFile again = file.Reopen(FileOpen.Write);
        byte[] one = new byte[1];
        Assert.Equal(1, again.ReadAt(one, 0));
        Assert.Equal(5, one[0]);
        Assert.Equal(temporary.Path, again.Path);
    }
}
