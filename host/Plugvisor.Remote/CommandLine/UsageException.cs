namespace Plugvisor.Remote.CommandLine;

/// <summary>The command line cannot be understood: exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
