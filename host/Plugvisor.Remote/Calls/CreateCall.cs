using Plugvisor.Remote.CommandLine;

namespace Plugvisor.Remote.Calls;

/// <summary>Makes <c>vm.create</c> from a file with a VmConfig, or from standard input.</summary>
internal static class CreateCall
{
    private const string StandardInput = "-";

    /// <summary>The call; reads the document as it is.</summary>
    /// <exception cref="RemoteException">It cannot be read.</exception>
    public static RemoteCall Make(CommandInput input)
    {
        bool isInput = (input.Argument ?? StandardInput) == StandardInput;
        try
        {
            using Stream source = isInput ? Console.OpenStandardInput() : File.OpenRead(input.Text);
            using var document = new MemoryStream();
            source.CopyTo(document);
            return new RemoteCall("vm.create", document.ToArray());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RemoteException(isInput ? "Error reading from stdin" : "Error reading from file", e);
        }
    }
}
