// The same once more in a namespace, where the doctor may be tried, too.
import "../cli/programs_test.ts";
