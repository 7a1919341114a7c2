using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Memory that a Linux guest lends to the host, with Debian's driver.</summary>
public sealed class BalloonGuestTests(BalloonGuest guest) : IClassFixture<BalloonGuest>
{
    private const long MemorySize = 300 * BalloonGuest.MiB, Inflated = 192 * BalloonGuest.MiB;

    [Fact]
    public void A_balloon_that_is_blown_up_shrinks_the_vmms_resident_memory()
    {
        Assert.Equal("204", guest.Found("inflate.status"));
        long before = guest.Number("touched"), after = guest.Number("inflated");
        // 80 MiB were touched and freed; of them and of all else that was free, some 230 MiB, the balloon has taken 192.
        Assert.True(before > 80 << 10 && before - after > 40 << 10, $"{before} KiB, then {after} KiB; {guest.Sized.Everything}");
    }

    [Fact]
    public void Vm_info_counts_what_the_guest_has()
    {
        Assert.Equal(MemorySize - Inflated, guest.Answer("inflated-info").GetProperty("memory_actual_size").GetInt64());
        Assert.Equal(MemorySize, guest.Answer("deflated-info").GetProperty("memory_actual_size").GetInt64());
        Assert.Equal(Inflated, guest.Answer("inflated-info").GetProperty("config").GetProperty("balloon").GetProperty("size").GetInt64());
    }

    [Fact]
    public void A_balloon_that_is_let_down_gives_the_memory_back()
    {
        Assert.Equal("204", guest.Found("deflate.status"));
        Assert.True(guest.Sized["dd1"] == "0", guest.Sized.Everything);
        // A driver without DEFLATE_ON_OOM would hide it from the guest's total; this one does not.
        Assert.Equal(guest.Sized["total1"], guest.Sized["total3"]);
    }

    [Fact]
    public void A_guest_that_runs_out_of_memory_takes_it_out_of_the_balloon()
    {
        Assert.True(guest.Sized["dd2"] == "0" && guest.Sized["killed"] == "0", guest.Sized.Everything);
        long left = guest.Answer("survived").GetProperty("memory_actual_size").GetInt64();
        Assert.True(left > 120 * BalloonGuest.MiB, $"{left}; {guest.Sized.Everything}");
    }

    [Fact]
    public void More_than_there_is_is_refused()
    {
        Assert.Equal("400", guest.Found("more.status"));
        Assert.Equal($"""["Error from API","The VM could not be resized","Failed to validate config","Balloon size (314572801) greater than RAM ({MemorySize})"]""",
            guest.Found("more"));
    }

    [Fact]
    public void Neighbours_go_back_together()
    {
        var counters = guest.Answer("counters").GetProperty("__balloon");
        long pages = counters.GetProperty("inflated_pages").GetInt64(), ranges = counters.GetProperty("released_ranges").GetInt64();
        Assert.True(pages >= Inflated >> 12 && ranges < pages / 4, $"{pages} pages in {ranges} ranges");
    }

    [Fact]
    public void Free_pages_that_are_reported_shrink_it_by_themselves()
    {
        long before = guest.Number("reporting-touched"), after = guest.Number("reporting-freed");
        Assert.True(before > 80 << 10 && before - after > 50 << 10, $"{before} KiB, then {after} KiB; {guest.Reporting.Everything}");
        Assert.True(guest.Answer("reporting-counters").GetProperty("__balloon").GetProperty("reported_bytes").GetInt64() > 50 * BalloonGuest.MiB);
    }

    [Fact]
    public void The_log_has_nothing_to_say() =>
        Assert.True(!(guest.Sized.Log + guest.Reporting.Log).Contains("WARN", StringComparison.Ordinal), guest.Sized.Log + guest.Reporting.Log);
}
