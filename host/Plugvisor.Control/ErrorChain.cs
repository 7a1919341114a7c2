namespace Plugvisor.Control;

/// <summary>An error and its causes as a person reads them. Any thread.</summary>
public static class ErrorChain
{
    /// <summary>The messages, outermost first.</summary>
    public static List<string> Of(Exception error)
    {
        var chain = new List<string>();
        for (Exception? link = error; link is not null; link = link.InnerException)
        {
            // A cause that its wrapper has quoted already says nothing new.
            if (chain.Count == 0 || !chain[^1].Contains(link.Message, StringComparison.Ordinal)) chain.Add(link.Message);
        }

        return chain;
    }
}
