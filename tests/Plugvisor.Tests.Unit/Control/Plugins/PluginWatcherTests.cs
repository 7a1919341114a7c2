using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Moq;
using Plugvisor.Configuration;
using Plugvisor.Control;
using Plugvisor.Control.Events;
using Plugvisor.Control.Plugins;
using Plugvisor.Hypervisor;
using Plugvisor.Machine.Consoles;
using Plugvisor.Tests.Unit.Plugins;
using Xunit;

namespace Plugvisor.Tests.Unit.Control.Plugins;

/// <summary>A watched plugin directory, with the kernel's own notifications.</summary>
public sealed class PluginWatcherTests : IAsyncLifetime
{
    private readonly TestPlugins _plugins = new();
    private readonly TestPlugins _elsewhere = new();
    private readonly HostTerminal _terminal = new();
    private readonly LogLines _lines = new();
    private readonly ILoggerFactory _logs;
    private readonly ControlLoop _loop;
    private readonly EventHub _events = new(TimeProvider.System);
    private readonly EventSubscription _heard;
    private readonly PluginSet _set;
    private readonly Vmm _vmm;
    private readonly Thread _thread;
    private PluginWatcher? _watcher;

    public PluginWatcherTests()
    {
        _logs = LoggerFactory.Create(builder => builder.AddProvider(_lines));
        _plugins.Copy("alpha");
        _loop = new ControlLoop(_logs);
        _set = PluginSet.Open([_plugins.Root], isReserved: null);
        _heard = _events.Subscribe();
        _vmm = new Vmm(Mock.Of<IHypervisor>(), _set, _terminal, _loop, _events, _logs, noShutdown: false);
        _thread = new Thread(() => _loop.Run(_vmm));
        _thread.Start();
    }

    public async ValueTask InitializeAsync()
    {
        _watcher = new PluginWatcher([_plugins.Root], _loop, _set, _events, _logs);
        _watcher.Start();
        await _lines.WaitAsync("watching plugins; their 1 folders are known");
    }

    public async ValueTask DisposeAsync()
    {
        await _watcher!.DisposeAsync();
        _loop.RequestShutdown();
        Assert.True(_thread.Join(TimeSpan.FromSeconds(60)), "the loop does not end");
        _vmm.Dispose();
        _terminal.Dispose();
        _plugins.Dispose();
        _elsewhere.Dispose();
        _logs.Dispose();
    }

    [Fact]
    public async Task A_folder_that_comes_changes_and_goes_is_loaded_reloaded_and_unloaded()
    {
        string folder = Path.Combine(_plugins.Root, "tiny");
        Directory.Move(_elsewhere.Copy("tiny"), folder);
        await HearAsync("plugin-loaded");
        Assert.Contains(_set.Kinds, kind => kind.Declaration.Kind == "tiny");

        File.SetLastWriteTimeUtc(Path.Combine(folder, "Tiny.dll"), DateTime.UtcNow.AddSeconds(1));
        await HearAsync("plugin-reloaded");

        Directory.Move(folder, Path.Combine(_elsewhere.Root, "tiny"));
        await HearAsync("plugin-unloaded");
        Assert.DoesNotContain(_set.Kinds, kind => kind.Declaration.Kind == "tiny");
        Assert.Contains(_set.Kinds, kind => kind.Declaration.Kind == "alpha");   // the others are left alone
    }

    [Fact]
    public async Task A_folder_is_made_under_a_hidden_name_and_renamed()
    {
        string hidden = Path.Combine(_plugins.Root, ".tiny"), folder = Path.Combine(_plugins.Root, "tiny");
        Directory.Move(_elsewhere.Copy("tiny"), hidden);
        _elsewhere.Copy("beta");
        Directory.Move(Path.Combine(_elsewhere.Root, "beta"), Path.Combine(_plugins.Root, "beta"));
        await HearAsync("plugin-loaded");   // a look that has seen both
        Assert.Contains(_set.Kinds, kind => kind.Declaration.Kind == "beta");
        Assert.DoesNotContain(_set.Entries, entry => entry.Name == ".tiny");

        Directory.Move(hidden, folder);
        await HearAsync("plugin-loaded");
        Assert.Equal(folder, _set.Find("tiny").Folder);
    }

    [Fact]
    public async Task A_directory_that_is_made_anew_or_changed_for_another_is_watched_on()
    {
        Directory.Delete(_plugins.Root, recursive: true);
        await HearNothingOfAsync("alpha");
        Directory.CreateDirectory(_plugins.Root);
        _plugins.Copy("tiny");
        await HearAsync("plugin-loaded");
        Assert.Equal(Path.Combine(_plugins.Root, "tiny"), _set.Find("tiny").Folder);

        // As an update does that changes all at once.
        using var next = new TestPlugins();
        next.Copy("beta");
        Directory.Move(_plugins.Root, Path.Combine(_elsewhere.Root, "old"));
        Directory.Move(next.Root, _plugins.Root);
        Directory.CreateDirectory(next.Root);   // it is deleted at the end
        await HearAsync("plugin-loaded");
        Assert.Equal(Path.Combine(_plugins.Root, "beta"), _set.Find("beta").Folder);
        await HearNothingOfAsync("tiny");

        File.SetLastWriteTimeUtc(Path.Combine(_plugins.Root, "beta", "Beta.dll"), DateTime.UtcNow.AddSeconds(1));
        await HearAsync("plugin-reloaded");
    }

    [Fact]
    public async Task A_half_copied_folder_is_not_loaded_until_it_is_whole()
    {
        string folder = Path.Combine(_plugins.Root, "tiny");
        Directory.CreateDirectory(folder);
        byte[] image = await File.ReadAllBytesAsync(TestPlugins.BuiltAssembly("tiny"), TestContext.Current.CancellationToken);
        await using (FileStream file = new(Path.Combine(folder, "Tiny.dll"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite))
        {
            await file.WriteAsync(image.AsMemory(0, image.Length / 2), TestContext.Current.CancellationToken);
            await file.FlushAsync(TestContext.Current.CancellationToken);
            await _lines.WaitAsync($"plugin folder {folder} changed, but: plugin tiny cannot be used: Tiny.dll is damaged");
            Assert.DoesNotContain(_set.Kinds, kind => kind.Declaration.Kind == "tiny");
            await file.WriteAsync(image.AsMemory(image.Length / 2), TestContext.Current.CancellationToken);
        }

        await HearAsync("plugin-loaded");
    }

    [Fact]
    public async Task A_file_that_its_writer_still_locks_is_tried_again()
    {
        string folder = Path.Combine(_plugins.Root, "tiny");
        Directory.CreateDirectory(folder);
        byte[] image = await File.ReadAllBytesAsync(TestPlugins.BuiltAssembly("tiny"), TestContext.Current.CancellationToken);
        await using (FileStream file = new(Path.Combine(folder, "Tiny.dll"), FileMode.Create, FileAccess.Write, FileShare.None))
        {
            await file.WriteAsync(image, TestContext.Current.CancellationToken);
            await file.FlushAsync(TestContext.Current.CancellationToken);
            await _lines.WaitAsync("because it is being used by another process");
        }

        await HearAsync("plugin-loaded");   // closing the file has told nobody
    }

    [Fact]
    public async Task A_folder_that_goes_while_devices_use_it_is_unloaded_when_they_have_gone()
    {
        string folder = Path.Combine(_plugins.Root, "tiny");
        Directory.Move(_elsewhere.Copy("tiny"), folder);
        await HearAsync("plugin-loaded");
        VmConfig config = VmConfigDocument.Read(
            System.Text.Json.JsonElement.Parse("""{"payload":{"kernel":"/k"},"tinies":[{"id":"t"}]}"""), _set.Kinds);
        await DoAsync(VmmCommandKind.Create, vmm => vmm.Create(config));

        Directory.Delete(folder, recursive: true);
        await _lines.WaitAsync($"plugin folder {folder} is gone, but: plugin tiny is in use by t: remove it first");
        Assert.Contains(_set.Kinds, kind => kind.Declaration.Kind == "tiny");

        await DoAsync(VmmCommandKind.Delete, vmm => vmm.Delete());
        await HearAsync("plugin-unloaded");
    }

    private async Task DoAsync(VmmCommandKind kind, Action<Vmm> action) => await _loop.SubmitAsync<object?>(kind, vmm =>
    {
        action(vmm);
        return null;
    }, TestContext.Current.CancellationToken);

    private async Task HearNothingOfAsync(string kind)
    {
        for (long end = Environment.TickCount64 + 60_000; _set.Kinds.Any(one => one.Declaration.Kind == kind); await Task.Delay(5, TestContext.Current.CancellationToken))
            Assert.True(Environment.TickCount64 < end, $"{kind} stays");
    }

    private async Task HearAsync(string name)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(60));
        while (await _heard.ReadAsync(limit.Token) is { } next)
        {
            if (next.Source == "vmm" && next.Name == name) return;
        }
    }

    private sealed class LogLines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();
        private readonly SemaphoreSlim _added = new(0);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            _lines.Enqueue(formatter(state, exception));
            _added.Release();
        }

        public void Dispose() => _added.Dispose();

        public async Task WaitAsync(string text)
        {
            long end = Environment.TickCount64 + 60_000;
            while (!_lines.Any(line => line.Contains(text, StringComparison.Ordinal)))
            {
                long left = end - Environment.TickCount64;
                Assert.True(left > 0, $"no line with `{text}`:\n{string.Join('\n', _lines)}");
                await _added.WaitAsync((int)left, TestContext.Current.CancellationToken);
            }
        }
    }
}
