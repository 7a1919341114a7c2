using Plugvisor.Control;

namespace Plugvisor.Cli;

/// <summary>Writes an error chain to stderr as Cloud Hypervisor does, outermost first.</summary>
internal static class ErrorReport
{
    /// <summary>The text for an error and its causes.</summary>
    public static string Format(Exception error)
    {
        List<string> chain = ErrorChain.Of(error);
        if (chain.Count == 1) return $"Error: Cloud Hypervisor exited with the following error:\n  {chain[0]}\n";
        var text = new System.Text.StringBuilder("Error: Cloud Hypervisor exited with the following chain of errors:\n");
        for (int i = 0; i < chain.Count; i++) text.Append("  ").Append(i).Append(": ").Append(chain[i]).Append('\n');
        return text.ToString();
    }
}
