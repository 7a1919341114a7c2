namespace Plugvisor.Remote;

/// <summary>Something did not work. Its message and those of its causes are the error chain that the person reads, outermost first.</summary>
internal sealed class RemoteException : Exception
{
    /// <summary>An error with its text.</summary>
    public RemoteException(string message) : base(message) { }

    /// <summary>An error with its text and its cause.</summary>
    public RemoteException(string message, Exception? cause) : base(message, cause) { }

    /// <summary>A chain of texts, outermost first; at least one.</summary>
    public static RemoteException Chain(params ReadOnlySpan<string> texts)
    {
        RemoteException? error = null;
        for (int i = texts.Length - 1; i >= 0; i--) error = new RemoteException(texts[i], error);
        return error!;
    }
}
