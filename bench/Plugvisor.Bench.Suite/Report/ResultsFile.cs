using System.Text.Json;

namespace Plugvisor.Bench.Suite.Report;

/// <summary>Writes results.json.</summary>
internal static class ResultsFile
{
    /// <summary>The results of an earlier run; none where there is no such file.</summary>
    public static List<Result> Read(string path)
    {
        var results = new List<Result>();
        if (!File.Exists(path)) return results;
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
        foreach (JsonElement entry in json.RootElement.GetProperty("results").EnumerateArray())
        {
            string[] name = entry.GetProperty("name").GetString()!.Split('/');
            var statistics = new Statistics(
                Number(entry, "median"), Number(entry, "min"), Number(entry, "max"), Number(entry, "std_dev"), entry.GetProperty("samples").GetInt32());
            results.Add(new Result(name[0], name[1], entry.GetProperty("unit").GetString()!, statistics, Number(entry, "ratio_to_peer")));
        }

        return results;
    }

    public static void Write(string path, IReadOnlyList<Result> results, string host)
    {
        using FileStream file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("host", host);
        json.WriteString("date", DateTime.UtcNow.ToString("yyyy-MM-dd"));
        json.WriteStartArray("results");
        foreach (Result result in results)
        {
            json.WriteStartObject();
            json.WriteString("name", $"{result.Benchmark}/{result.Contender}");
            json.WriteNumber("median", Math.Round(result.Statistics.Median, 3));
            json.WriteNumber("min", Math.Round(result.Statistics.Min, 3));
            json.WriteNumber("max", Math.Round(result.Statistics.Max, 3));
            json.WriteNumber("std_dev", Math.Round(result.Statistics.StandardDeviation, 3));
            json.WriteString("unit", result.Unit);
            json.WriteNumber("samples", result.Statistics.Count);
            json.WriteNumber("ratio_to_peer", Math.Round(result.RatioToPeer, 3));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static double Number(JsonElement entry, string name) => entry.GetProperty(name).GetDouble();
}
