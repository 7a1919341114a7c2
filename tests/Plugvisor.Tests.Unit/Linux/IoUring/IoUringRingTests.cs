using System.Diagnostics;
using System.Runtime.InteropServices;
using Plugvisor.Linux.Errors;
using Plugvisor.Linux.Events;
using Plugvisor.Linux.Files;
using Plugvisor.Linux.IoUring;
using Xunit;

namespace Plugvisor.Tests.Unit.Linux.IoUring;

public sealed unsafe class IoUringRingTests
{
    [Fact]
    public void A_batch_of_operations_completes_with_its_own_data()
    {
        using IoUringRing ring = IoUringRing.Create(8, 16);
        for (ulong i = 0; i < 8; i++) Prepare(ring, IoUringOperation.Nop, 100 + i);
        Assert.Equal(8, ring.Unsubmitted);
        ring.Enter(8);
        Assert.Equal(0, ring.Unsubmitted);
        ulong seen = 0;
        while (ring.TryTake(out IoUringCompletion completion))
        {
            Assert.Equal(0, completion.Result);
            seen |= 1UL << (int)(completion.UserData - 100);
        }

        Assert.Equal(0xfful, seen);
    }

    [Fact]
    public void The_ring_goes_round_many_times_and_submits_by_itself_when_full()
    {
        using IoUringRing ring = IoUringRing.Create(4, 64);
        int done = 0;
        for (ulong i = 0; i < 1000; i++)
        {
            Prepare(ring, IoUringOperation.Nop, i);
            if (i % 16 != 15) continue;
            ring.Enter(1);
            while (ring.TryTake(out _)) done++;
        }

        while (done < 1000)
        {
            ring.Enter(1);
            while (ring.TryTake(out _)) done++;
        }

        Assert.Equal(1000, done);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Reads_and_writes_reach_the_file(bool registered)
    {
        using var temporary = new TemporaryFile(length: 8192);
        using LinuxFile file = LinuxFile.Open(temporary.Path, FileOpen.Write);
        using IoUringRing ring = IoUringRing.Create(8, 16);
        int descriptor = file.Descriptor;
        byte flags = 0;
        if (registered)
        {
            Assert.True(ring.TryRegisterFiles([descriptor]));
            descriptor = 0;
            flags = IoUringEntry.FixedFile;
        }

        byte* buffer = stackalloc byte[1024];
        new Span<byte>(buffer, 512).Fill(0x5a);
        IoUringEntry* entry = Prepare(ring, IoUringOperation.Write, 1, descriptor, flags);
        entry->Address = (ulong)buffer;
        entry->Length = 512;
        entry->Offset = 4096;
        ring.Enter(1);
        Assert.True(ring.TryTake(out IoUringCompletion completion));
        Assert.Equal(512, completion.Result);

        (nint, nint)* vectors = stackalloc (nint, nint)[] { ((nint)buffer + 512, 256), ((nint)buffer + 768, 256) };
        entry = Prepare(ring, IoUringOperation.ReadVector, 2, descriptor, flags);
        entry->Address = (ulong)vectors;
        entry->Length = 2;
        entry->Offset = 4096;
        ring.Enter(1);
        Assert.True(ring.TryTake(out completion));
        Assert.Equal(512, completion.Result);
        Assert.All(new ReadOnlySpan<byte>(buffer + 512, 512).ToArray(), b => Assert.Equal(0x5a, b));

        entry = Prepare(ring, IoUringOperation.Sync, 3, descriptor, flags);
        entry->OperationFlags = IoUringEntry.DataSync;
        ring.Enter(1);
        Assert.True(ring.TryTake(out completion));
        Assert.Equal(0, completion.Result);
        if (registered) ring.UnregisterFiles();
    }

    [Fact]
    public void An_armed_poll_reports_each_signal_of_an_eventfd_without_being_drained()
    {
        using IoUringRing ring = IoUringRing.Create(8, 16);
        using var doorbell = new EventFd();
        IoUringEntry* entry = Prepare(ring, IoUringOperation.PollAdd, 7, doorbell.Descriptor, 0);
        entry->Length = IoUringEntry.PollMulti;
        entry->OperationFlags = IoUringEntry.PollIn;
        ring.Enter(0);
        for (int i = 0; i < 3; i++)
        {
            Assert.False(ring.TryTake(out _));
            doorbell.Signal();
            ring.Enter(1);
            Assert.True(ring.TryTake(out IoUringCompletion completion));
            Assert.Equal(7ul, completion.UserData);
            Assert.True(completion.HasMore);
        }
    }

    [Fact]
    public void Waiting_ends_at_the_timeout()
    {
        using IoUringRing ring = IoUringRing.Create(8, 16);
        long start = Stopwatch.GetTimestamp();
        ring.Enter(1, 5_000_000);
        Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(4));
        Assert.False(ring.TryTake(out _));
    }

    [Fact]
    public void A_wrong_descriptor_fails_that_operation_only()
    {
        using IoUringRing ring = IoUringRing.Create(8, 16);
        IoUringEntry* entry = Prepare(ring, IoUringOperation.Read, 1, -1, 0);
        byte b;
        entry->Address = (ulong)&b;
        entry->Length = 1;
        Prepare(ring, IoUringOperation.Nop, 2);
        ring.Enter(2);
        Assert.True(ring.TryTake(out IoUringCompletion first));
        Assert.True(ring.TryTake(out IoUringCompletion second));
        Assert.Equal(-9, first.Result);
        Assert.Equal(0, second.Result);
    }

    [Fact]
    public void The_reason_why_there_is_no_ring_is_told_in_words()
    {
        Assert.Contains("seccomp", IoUringSupport.Explain(new LinuxException("io_uring_setup", 38)), StringComparison.Ordinal);
        Assert.Contains("5.13", IoUringSupport.Explain(new LinuxException("io_uring_setup", 22)), StringComparison.Ordinal);
    }

    [Fact]
    public void Entries_and_completions_have_the_kernels_layout()
    {
        Assert.Equal(64, sizeof(IoUringEntry));
        Assert.Equal(16, sizeof(IoUringCompletion));
        Assert.Equal(32, Marshal.OffsetOf<IoUringEntry>(nameof(IoUringEntry.UserData)).ToInt32());
    }

    private static IoUringEntry* Prepare(IoUringRing ring, IoUringOperation operation, ulong data, int descriptor = -1, byte flags = 0)
    {
        IoUringEntry* entry = ring.NextEntry();
        entry->Clear();
        entry->Operation = operation;
        entry->Descriptor = descriptor;
        entry->Flags = flags;
        entry->UserData = data;
        return entry;
    }
}
