using Microsoft.Extensions.Logging.Abstractions;
using Moq;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Consoles;
using Xunit;

namespace Plugvisor.Tests.Unit.Control;

/// <summary>Every command gets exactly one answer, whatever happens to it, its caller or the loop.</summary>
public sealed class ControlLoopTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private readonly HostTerminal _terminal = new();
    private readonly ControlLoop _loop = new(NullLoggerFactory.Instance);
    private readonly Vmm _vmm;
    private Thread? _thread;

    public ControlLoopTests() => _vmm = new Vmm(
        new Mock<IHypervisor>().Object, new Mock<IDevicePlugins>().Object, _terminal, _loop, new EventHub(TimeProvider.System), NullLoggerFactory.Instance,
        noShutdown: false);

    public void Dispose()
    {
        _loop.RequestShutdown();
        if (_thread is null) _ = _loop.Run(_vmm);
        else Assert.True(_thread.Join(Limit), "the loop does not end");
        _vmm.Dispose();
        _terminal.Dispose();
    }

    [Fact]
    public async Task A_thousand_commands_at_once_are_each_answered_with_their_own_result()
    {
        int running = 0, most = 0;
        Task<string>[] asked = [.. Enumerable.Range(0, 1000).Select(i => _loop.SubmitAsync(VmmCommandKind.Ping, _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            Interlocked.Decrement(ref running);
            return $"answer {i}";
        }, TestContext.Current.CancellationToken))];
        Start();
        string[] answers = await Task.WhenAll(asked).WaitAsync(Limit, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"answer {i}"), answers);
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task A_command_that_throws_answers_its_caller_and_the_next_one_runs()
    {
        Start();
        await Assert.ThrowsAsync<DivideByZeroException>(() => Ask(() => throw new DivideByZeroException()));
        Assert.Equal("fine", await Ask(() => "fine"));
    }

    [Fact]
    public async Task A_command_that_is_not_legal_now_is_not_run()
    {
        Start();
        bool ran = false;
        VmmException refusal = await Assert.ThrowsAsync<VmmException>(() => _loop.SubmitAsync(VmmCommandKind.Pause, _ =>
        {
            ran = true;
            return "";
        }, TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken));
        Assert.Equal("VM is not running", refusal.Message);
        Assert.False(ran);
    }

    [Fact]
    public async Task A_caller_that_goes_away_while_its_command_waits_for_a_place_leaves_nothing()
    {
        using var gone = new CancellationTokenSource();
        int ran = 0;
        var asked = new List<Task<string>>();
        for (int i = 0; i < 200; i++)
        {
            asked.Add(_loop.SubmitAsync(VmmCommandKind.Ping, _ =>
            {
                ran++;
                return "";
            }, gone.Token));
        }

        await gone.CancelAsync();
        int dropped = 0;
        Start();
        foreach (Task<string> one in asked)
        {
            try
            {
                await one.WaitAsync(Limit, TestContext.Current.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                dropped++;
            }
        }

        Assert.True(dropped > 0, "all had a place at once");
        Assert.Equal(200, dropped + ran);
    }

    [Fact]
    public async Task What_waits_when_the_VMM_ends_is_told_so_and_what_comes_later_too()
    {
        Task<string>[] waiting = [.. Enumerable.Range(0, 300).Select(_ => Ask(() => ""))];
        _loop.RequestShutdown();   // comes first, whatever waits
        Start();
        foreach (Task<string> one in waiting)
            Assert.Equal("The VMM is shutting down", (await Assert.ThrowsAsync<VmmException>(() => one)).Message);
        Assert.True(_thread!.Join(Limit));
        Assert.Equal("The VMM is shutting down", (await Assert.ThrowsAsync<VmmException>(() => Ask(() => ""))).Message);
    }

    [Fact]
    public void A_posted_command_tells_its_failure_on_the_loops_thread()
    {
        using var told = new ManualResetEventSlim();
        Exception? error = null;
        Thread? on = null;
        _loop.Post(VmmCommandKind.Boot, static _ => { }, e =>
        {
            (error, on) = (e, Thread.CurrentThread);
            told.Set();
        });
        Start();
        Assert.True(told.Wait(Limit, TestContext.Current.CancellationToken));
        Assert.Equal("VM config is missing", error!.Message);
        Assert.Same(_thread, on);
    }

    private Task<string> Ask(Func<string> action) =>
        _loop.SubmitAsync(VmmCommandKind.Ping, _ => action(), TestContext.Current.CancellationToken).WaitAsync(Limit, TestContext.Current.CancellationToken);

    private void Start()
    {
        _thread = new Thread(() => _ = _loop.Run(_vmm));
        _thread.Start();
    }
}
