using System.Text.RegularExpressions;
using Xunit;

namespace Plugvisor.Tests.Unit.Docs;

/// <summary>The table of hostile cases in docs/testing.md against the tests that are named after them.</summary>
public sealed partial class HostileCasesTests
{
    [Fact]
    public void The_table_has_every_case_that_has_tests_and_the_classes_that_it_names_have_them()
    {
        string root = Root();
        var found = new SortedDictionary<int, SortedSet<string>>();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "tests"), "*Tests.cs", SearchOption.AllDirectories))
        {
            foreach (Match test in TestName().Matches(File.ReadAllText(file)))
            {
                foreach (int number in Numbers(test)) Of(found, number).Add(Path.GetFileNameWithoutExtension(file));
            }
        }

        var listed = new SortedDictionary<int, SortedSet<string>>();
        foreach (Match row in Row().Matches(File.ReadAllText(Path.Combine(root, "docs", "testing.md"))))
            Of(listed, int.Parse(row.Groups["case"].Value)).UnionWith(row.Groups["tests"].Value.Split(", ").Select(static name => name.Trim('`')));

        Assert.True(listed.Count > 30);
        Assert.Equal(found.Keys, listed.Keys);
        Assert.Equal([], listed.SelectMany(one => one.Value.Except(found[one.Key]).Select(name => $"case {one.Key}: {name} has no Hostile_{one.Key:00}_... test")));
    }

    private static SortedSet<string> Of(SortedDictionary<int, SortedSet<string>> cases, int number)
    {
        if (!cases.TryGetValue(number, out SortedSet<string>? classes)) cases.Add(number, classes = new SortedSet<string>(StringComparer.Ordinal));
        return classes;
    }

    private static IEnumerable<int> Numbers(Match test)
    {
        int first = int.Parse(test.Groups["first"].Value), last = test.Groups["last"].Success ? int.Parse(test.Groups["last"].Value) : first;
        return test.Groups["to"].Value == "to" ? Enumerable.Range(first, last - first + 1) : new[] { first, last }.Distinct();
    }

    private static string Root()
    {
        for (string? at = AppContext.BaseDirectory; at is not null; at = Path.GetDirectoryName(at))
        {
            if (File.Exists(Path.Combine(at, "Plugvisor.slnx"))) return at;
        }

        throw new DirectoryNotFoundException($"no Plugvisor.slnx in {AppContext.BaseDirectory} or above it");
    }

    [GeneratedRegex(@" Hostile_(?<first>\d\d)(_(?<to>to|and)_(?<last>\d\d))?_\w+\(")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\| (?<case>\d+) \| [^|]+ \| (?<tests>[^|]+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
