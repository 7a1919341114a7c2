using Plugvisor.Api.OpenApi;
using Plugvisor.Cli.CommandLine;
using Plugvisor.Control.Plugins;

namespace Plugvisor.Cli.Commands;

/// <summary><c>plugvisor openapi</c>: what a VMM with these plugins serves at <c>/api/v1/openapi.json</c>.</summary>
internal static class OpenApiCommand
{
    public static int Run(IReadOnlyList<string> args, PluginSet plugins)
    {
        bool directory = false;
        foreach (string arg in args)
        {
            if (arg.StartsWith(HostOptions.PluginDir, StringComparison.Ordinal)) directory = true;
            else if (!directory || arg.StartsWith('-')) throw new UsageException($"openapi: {arg} is no option of it; there is --plugin-dir");
        }

        using Stream output = Console.OpenStandardOutput();
        output.Write(OpenApiDocument.Write(plugins.Kinds).Span);
        output.Write("\n"u8);
        return 0;
    }
}
