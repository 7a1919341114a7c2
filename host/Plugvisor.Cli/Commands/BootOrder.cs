using System.Diagnostics.CodeAnalysis;
using Plugvisor.Cli.Api;
using Plugvisor.Configuration;
using Plugvisor.Control;

namespace Plugvisor.Cli.Commands;

/// <summary>
/// What the command line asks of the control loop, as a front end like any other: create a VM and boot it. A VMM that was started for a VM ends when
/// that cannot be booted.
/// </summary>
internal sealed class BootOrder(VmConfig config, ControlLoop loop, ApiFrontEnds api)
{
    /// <summary>Why the VM could not be booted; set on the loop's thread before the loop ends.</summary>
    public Exception? Error { get; private set; }

    /// <summary>Submits the commands, which wait until the loop runs.</summary>
    public void Submit()
    {
        loop.Post(VmmCommandKind.Create, vmm => vmm.Create(config), OnFailure);
        loop.Post(VmmCommandKind.Boot, Boot, OnFailure);
    }

    private void Boot(Vmm vmm)
    {
        try
        {
            vmm.Boot();
        }
        catch (Exception) when (vmm.IsEnding)
        {
            // A signal came while a device was being made, which may wait for a daemon: that is no failure.
        }
        finally
        {
            api.OnBooted();
        }
    }

    [SuppressMessage("Maintainability", "CA1508", Justification = "The second of two failures is that of a loop that ends")]
    private void OnFailure(Exception error)
    {
        Error ??= error;
        loop.RequestShutdown();
    }
}
