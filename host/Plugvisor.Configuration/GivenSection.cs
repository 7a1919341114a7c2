using System.Text.Json;

namespace Plugvisor.Configuration;

/// <summary>
/// A host section that was given. A class, and kept in lists that are searched: dictionaries of structs are compiled at run time, on the way to the
/// first guest instruction.
/// </summary>
/// <param name="Section">Which.</param>
/// <param name="Json">Its value in normal form.</param>
internal sealed record GivenSection(HostSection Section, JsonElement Json);
