namespace Plugvisor.Cli.CommandLine;

/// <summary>A key inside an option's value.</summary>
/// <param name="Name">The key.</param>
/// <param name="Value">What its value looks like; null for a key that stands alone.</param>
/// <param name="Help">One line.</param>
/// <param name="Default">Its default, or null.</param>
internal sealed record OptionKeyHelp(string Name, string? Value, string Help, string? Default);
