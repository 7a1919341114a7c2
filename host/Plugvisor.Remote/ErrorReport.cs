using System.Text;

namespace Plugvisor.Remote;

/// <summary>Writes an error chain as ch-remote does (interface reference section 4.4).</summary>
internal static class ErrorReport
{
    /// <summary>The text for an error and its causes.</summary>
    public static string Format(Exception error)
    {
        if (error.InnerException is null) return $"Error: ch-remote exited with the following error:\n  {error.Message}\n";
        var text = new StringBuilder("Error: ch-remote exited with the following chain of errors:\n");
        int number = 0;
        for (Exception? link = error; link is not null; link = link.InnerException)
            text.Append("  ").Append(number++).Append(": ").Append(link.Message).Append('\n');
        return text.ToString();
    }
}
