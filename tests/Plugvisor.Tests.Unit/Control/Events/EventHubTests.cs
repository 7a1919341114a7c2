using System.Text;
using Plugvisor.Control.Events;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Events;

public sealed class EventHubTests
{
    private readonly EventHub _hub = new(TimeProvider.System);

    [Fact]
    public async Task A_subscriber_reads_every_event_in_order_and_then_the_end()
    {
        using EventSubscription subscription = _hub.Subscribe();
        for (int i = 0; i < 100; i++) _hub.Publish("vm", $"e{i}");
        _hub.Complete();
        for (int i = 0; i < 100; i++) Assert.Equal($"e{i}", (await Read(subscription))!.Name);
        Assert.Null(await Read(subscription));
        Assert.Null(await Read(subscription));
    }

    [Fact]
    public async Task What_was_published_before_is_not_heard()
    {
        _hub.Publish("vmm", "starting");
        using EventSubscription subscription = _hub.Subscribe();
        _hub.Publish("vm", "booting");
        Assert.Equal("booting", (await Read(subscription))!.Name);
    }

    [Fact]
    public async Task A_reader_that_waits_is_woken_by_the_next_event()
    {
        using EventSubscription subscription = _hub.Subscribe();
        ValueTask<VmmEvent?> read = subscription.ReadAsync(TestContext.Current.CancellationToken);
        Assert.False(read.IsCompleted);
        _hub.Publish("vm", "paused");
        Assert.Equal("paused", (await read)!.Name);
    }

    [Fact]
    public async Task A_reader_that_waits_hears_of_the_end()
    {
        using EventSubscription first = _hub.Subscribe(), second = _hub.Subscribe();
        ValueTask<VmmEvent?> completed = first.ReadAsync(TestContext.Current.CancellationToken);
        ValueTask<VmmEvent?> disposed = second.ReadAsync(TestContext.Current.CancellationToken);
        second.Dispose();
        Assert.Null(await disposed);
        _hub.Complete();
        Assert.Null(await completed);
        using EventSubscription late = _hub.Subscribe();
        Assert.Null(await Read(late));
    }

    [Fact]
    public async Task A_cancelled_read_loses_no_event()
    {
        using EventSubscription subscription = _hub.Subscribe();
        using var cancellation = new CancellationTokenSource();
        ValueTask<VmmEvent?> read = subscription.ReadAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);
        _hub.Publish("vm", "resumed");
        Assert.Equal("resumed", (await Read(subscription))!.Name);
    }

    [Fact]
    public async Task An_overrun_is_told_in_the_place_of_the_gap()
    {
        using EventSubscription subscription = _hub.Subscribe(capacity: 3);
        for (int i = 0; i < 10; i++) _hub.Publish("vm", $"e{i}");
        Assert.True(subscription.IsOverrun);
        for (int i = 0; i < 2; i++) Assert.Equal($"e{i}", (await Read(subscription))!.Name);
        _hub.Publish("vm", "after");
        Assert.Equal("e2", (await Read(subscription))!.Name);
        VmmEvent notice = (await Read(subscription))!;
        Assert.Equal(7, notice.Lost);
        Assert.Equal(("vmm", "events-lost", "7"), (notice.Source, notice.Name, notice.Properties!["count"]));
        Assert.Equal("after", (await Read(subscription))!.Name);
        Assert.False(subscription.IsOverrun);
    }

    [Fact]
    public async Task An_overrun_is_told_also_when_nothing_follows()
    {
        using EventSubscription subscription = _hub.Subscribe(capacity: 1);
        _hub.Publish("vm", "kept");
        _hub.Publish("vm", "lost");
        _hub.Complete();
        Assert.Equal("kept", (await Read(subscription))!.Name);
        Assert.Equal(1, (await Read(subscription))!.Lost);
        Assert.Null(await Read(subscription));
    }

    [Fact]
    public void A_subscriber_that_never_reads_costs_a_bounded_queue_and_stalls_nobody()
    {
        using EventSubscription silent = _hub.Subscribe(capacity: 16), reading = _hub.Subscribe(capacity: 16);
        for (int i = 0; i < 10_000; i++)
        {
            _hub.Publish("vm", "e");
            Assert.True(reading.TryRead(out VmmEvent? next, out _));
            Assert.Equal(0, next.Lost);
        }

        for (int i = 0; i < 16; i++) Assert.True(silent.TryRead(out _, out _));
        Assert.True(silent.TryRead(out VmmEvent? notice, out _));
        Assert.Equal(10_000 - 16, notice.Lost);
        Assert.False(silent.TryRead(out _, out bool isEnd));
        Assert.False(isEnd);
    }

    [Fact]
    public async Task Many_publishers_and_readers_see_one_order_without_a_gap()
    {
        const int Publishers = 4, Each = 2000, Readers = 3;
        var subscriptions = new EventSubscription[Readers];
        for (int i = 0; i < Readers; i++) subscriptions[i] = _hub.Subscribe(Publishers * Each);
        Task<List<string>>[] readers = Array.ConvertAll(subscriptions, subscription => Task.Run(() => ReadNames(subscription)));
        var publishers = new Task[Publishers];
        for (int p = 0; p < Publishers; p++)
        {
            string source = $"p{p}";
            publishers[p] = Task.Run(() =>
            {
                for (int i = 0; i < Each; i++) _hub.Publish(source, $"{source}-{i}");
            }, TestContext.Current.CancellationToken);
        }

        await Task.WhenAll(publishers);
        _hub.Complete();
        List<string>[] seen = await Task.WhenAll(readers);
        Assert.Equal(Publishers * Each, seen[0].Count);
        for (int i = 1; i < Readers; i++) Assert.Equal(seen[0], seen[i]);
        for (int p = 0; p < Publishers; p++)
            Assert.Equal(Enumerable.Range(0, Each).Select(i => $"p{p}-{i}"), seen[0].Where(name => name.StartsWith($"p{p}-", StringComparison.Ordinal)));
    }

    [Fact]
    public void Publishing_with_no_listener_allocates_nothing()
    {
        _hub.Publish("vm", "warm");
        Assert.Equal(0, Garbage.Of(() =>
        {
            for (int i = 0; i < 1000; i++) _hub.Publish("vm", "e");
        }));
    }

    [Fact]
    public async Task An_event_renders_as_the_interface_says()
    {
        var clock = new ManualClock();
        var hub = new EventHub(clock);
        using EventSubscription subscription = hub.Subscribe();
        clock.Advance(TimeSpan.FromTicks(123_456_789));
        hub.Publish("vmm", "starting");
        hub.Publish("virtio-device", "activated", new Dictionary<string, string> { ["id"] = "_disk0 \"é\"<" });
        VmmEvent plain = (await Read(subscription))!, rich = (await Read(subscription))!;
        Assert.Equal(
            """
            {
              "timestamp": {
                "secs": 12,
                "nanos": 345678900
              },
              "source": "vmm",
              "event": "starting",
              "properties": null
            }
            """, Encoding.UTF8.GetString(plain.ToIndentedJson()));
        Assert.Equal("""{"timestamp":{"secs":12,"nanos":345678900},"source":"vmm","event":"starting","properties":null}""",
            Encoding.UTF8.GetString(plain.ToCompactJson()));
        Assert.Equal(
            """
            {
              "timestamp": {
                "secs": 12,
                "nanos": 345678900
              },
              "source": "virtio-device",
              "event": "activated",
              "properties": {
                "id": "_disk0 \"é\"<"
              }
            }
            """, Encoding.UTF8.GetString(rich.ToIndentedJson()));
    }

    private static ValueTask<VmmEvent?> Read(EventSubscription subscription) => subscription.ReadAsync(TestContext.Current.CancellationToken);

    private static async Task<List<string>> ReadNames(EventSubscription subscription)
    {
        var names = new List<string>();
        await foreach (VmmEvent next in subscription.ReadAllAsync(TestContext.Current.CancellationToken)) names.Add(next.Name);
        return names;
    }
}
